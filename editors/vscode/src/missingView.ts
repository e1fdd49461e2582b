import * as vscode from "vscode";
import { missingIn, type ChangeAnswer, type MissingAnswer } from "./answers";
import type { Line } from "./lines";
import { groups, noFilters, type Filters, type Group } from "./missingTree";
import { limitWords, short } from "./releaseLines";
import type { Session } from "./session";
import { counted, oneLine, text } from "./text";
import { translated } from "./translated";

type Node = Group | ChangeAnswer | string;

const filterContext = "cabhfuil-vscode.filtered";
const shownContext = "cabhfuil-vscode.missingShown";

/** The view "Missing changes": what a line lacks of another one, with filters. */
export class MissingView implements vscode.TreeDataProvider<Node>, vscode.Disposable {
  readonly #changed = new vscode.EventEmitter<undefined>();
  readonly onDidChangeTreeData = this.#changed.event;
  readonly #view: vscode.TreeView<Node>;
  #lines: { from: Line; to: Line } | undefined;
  #missing: MissingAnswer | undefined;
  #filters: Filters = noFilters;

  constructor(private readonly session: Session) {
    this.#view = vscode.window.createTreeView("cabhfuil-vscode.missing", {
      treeDataProvider: this,
    });
  }

  dispose(): void {
    this.#changed.dispose();
    this.#view.dispose();
  }

  /** The lines that are shown, and the server's filters: what their document is asked with. */
  get shown(): { from: Line; to: Line; filters: Filters } | undefined {
    return this.#lines && { ...this.#lines, filters: this.#filters };
  }

  /** Lists what a line lacks of another, and shows the view. */
  async show(from: Line, to: Line, token: vscode.CancellationToken): Promise<void> {
    await this.#load({ from, to }, token);
    await vscode.commands.executeCommand("cabhfuil-vscode.missing.focus");
  }

  async refresh(): Promise<void> {
    const lines = this.#lines;
    if (lines !== undefined) {
      await vscode.window.withProgress({ location: { viewId: "cabhfuil-vscode.missing" } }, () =>
        this.#load(lines),
      );
    }
  }

  async #load(lines: { from: Line; to: Line }, token?: vscode.CancellationToken): Promise<void> {
    const { from, to } = lines;
    const { needed, security, since } = this.#filters;
    const { repository, name } = from;
    const argument = { from: name, in: to.name, repository, needed, security, since, wait: true };
    this.#missing = missingIn(await this.session.ask("cabhfuil.missing", argument, token));
    this.#lines = lines; // what failed or was stopped leaves the list as it was
    this.#draw();
  }

  #draw(): void {
    const missing = this.#missing;
    if (missing !== undefined) {
      const { from, changes } = missing;
      this.#view.description = `${oneLine(from)} ← ${oneLine(missing.in)}`;
      const shown = groups(missing, this.#filters.words).reduce((n, g) => n + g.changes.length, 0);
      // Links in a message work, so it holds numbers and words of ours alone.
      this.#view.message = [
        shown === changes.length
          ? translated(counted.changes(shown))
          : translated(text("{0} of {1} changes", shown, changes.length)),
        ...(missing.excluded > 0 ? [translated(text("{0} left out", missing.excluded))] : []),
        ...limitWords(missing.limits).map(translated),
      ].join(" · ");
    }
    void vscode.commands.executeCommand("setContext", shownContext, missing !== undefined);
    void vscode.commands.executeCommand(
      "setContext",
      filterContext,
      JSON.stringify(this.#filters) !== JSON.stringify(noFilters),
    );
    this.#changed.fire(undefined);
  }

  async clearFilters(): Promise<void> {
    this.#filters = noFilters;
    await this.refresh();
  }

  /** Asks what the view is to show. */
  async filter(): Promise<void> {
    const before = this.#filters;
    const needed = {
      label: vscode.l10n.t("Needed only"),
      description: vscode.l10n.t("what fixes something that the line has"),
      picked: before.needed,
    };
    const security = {
      label: vscode.l10n.t("Security only"),
      description: vscode.l10n.t("what names a CVE or an advisory"),
      picked: before.security,
    };
    const since = {
      label: vscode.l10n.t("Since a date…"),
      description: before.since,
      picked: before.since !== "",
    };
    const words = {
      label: vscode.l10n.t("With words…"),
      description: before.words,
      picked: before.words !== "",
    };
    const chosen = await vscode.window.showQuickPick([needed, security, since, words], {
      title: vscode.l10n.t("Filter Missing Changes"),
      canPickMany: true,
    });
    if (chosen === undefined) {
      return;
    }
    const ask = async (
      wanted: boolean,
      prompt: string,
      value: string,
    ): Promise<string | undefined> =>
      wanted ? (await vscode.window.showInputBox({ prompt, value }))?.trim() : "";
    const date = await ask(
      chosen.includes(since),
      vscode.l10n.t("A date, such as 2024-01-31 or “2 weeks ago”"),
      before.since,
    );
    const said =
      date === undefined
        ? undefined
        : await ask(
            chosen.includes(words),
            vscode.l10n.t("Words of the subject, the author or the SHA"),
            before.words,
          );
    if (date === undefined || said === undefined) {
      return;
    }
    this.#filters = {
      needed: chosen.includes(needed),
      security: chosen.includes(security),
      since: date,
      words: said,
    };
    try {
      await this.refresh();
    } catch (error) {
      this.#filters = before; // a date that the server does not understand
      throw error;
    }
  }

  getChildren(node?: Node): Node[] {
    if (this.#missing === undefined) {
      return [];
    }
    if (node === undefined) {
      const found = groups(this.#missing, this.#filters.words);
      return found.length > 0 ? found : [vscode.l10n.t("Nothing")];
    }
    return typeof node !== "string" && "changes" in node ? [...node.changes] : [];
  }

  getTreeItem(node: Node): vscode.TreeItem {
    if (typeof node === "string") {
      return new vscode.TreeItem(node);
    }
    return "changes" in node ? groupItem(node) : changeItem(node);
  }
}

function groupItem({ needed, changes }: Group): vscode.TreeItem {
  const item = new vscode.TreeItem(
    needed ? vscode.l10n.t("Needed: it has what these fix") : vscode.l10n.t("Other changes"),
    vscode.TreeItemCollapsibleState.Expanded,
  );
  item.description = String(changes.length);
  item.iconPath = needed
    ? new vscode.ThemeIcon("warning", new vscode.ThemeColor("list.warningForeground"))
    : new vscode.ThemeIcon("git-commit");
  return item;
}

function changeItem(change: ChangeAnswer): vscode.TreeItem {
  const subject = oneLine(change.subject) || short(change.sha);
  const item = new vscode.TreeItem(subject);
  item.description = `${short(change.sha)} · ${oneLine(change.author)}, ${change.date}`;
  item.tooltip = `${subject}\n${item.description}\n${oneLine(change.reason)}`;
  item.contextValue = "commit";
  item.command = {
    command: "cabhfuil-vscode.showCommit",
    title: vscode.l10n.t("Show Commit"),
    arguments: [change],
  };
  return item;
}
