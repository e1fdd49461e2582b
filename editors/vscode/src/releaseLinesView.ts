import * as vscode from "vscode";
import { matchesIn, type MatchAnswer } from "./answers";
import type { CommitTarget } from "./hoverLinks";
import { lineRows, limitWords, short, type LineRow } from "./releaseLines";
import type { Session } from "./session";
import { atCursor, newestChange, ofDocument } from "./targets";
import { oneLine, type Text } from "./text";
import { translated } from "./translated";

/** How long the cursor has to rest before the view follows it. */
const restMs = 200;

interface LineNode extends Partial<CommitTarget> {
  readonly row: LineRow;
}

/** A commit that concerns a line: a follow-up that it lacks, or a revert. */
interface CommitNode extends CommitTarget {
  readonly label: string;
}

type Node = LineNode | CommitNode | vscode.TreeItem;

/**
 * The view "Release lines": how the change at the cursor stands on each line. It
 * is the commit whose SHA is there, or whose document it is, or else the newest
 * change of the declaration or file. It follows the cursor while it is visible.
 */
export class ReleaseLinesView implements vscode.TreeDataProvider<Node>, vscode.Disposable {
  readonly #changed = new vscode.EventEmitter<undefined>();
  readonly onDidChangeTreeData = this.#changed.event;
  readonly #view: vscode.TreeView<Node>;
  readonly #disposables: readonly { dispose(): unknown }[];
  #match: MatchAnswer | undefined;
  #rest: NodeJS.Timeout | undefined;
  #asking: vscode.CancellationTokenSource | undefined;

  constructor(
    private readonly session: Session,
    private readonly log: vscode.LogOutputChannel,
  ) {
    this.#view = vscode.window.createTreeView("cabhfuil-vscode.releaseLines", {
      treeDataProvider: this,
    });
    const follow = (): void => {
      this.#follow();
    };
    this.#disposables = [
      this.#changed,
      this.#view,
      this.#view.onDidChangeVisibility(follow),
      vscode.window.onDidChangeActiveTextEditor(follow),
      vscode.window.onDidChangeTextEditorSelection(({ textEditor }) => {
        if (textEditor === vscode.window.activeTextEditor) {
          follow();
        }
      }),
      session.onFresh(follow),
    ];
  }

  /** The change that is shown. */
  get match(): MatchAnswer | undefined {
    return this.#match;
  }

  dispose(): void {
    this.#stop();
    for (const disposable of this.#disposables) {
      disposable.dispose();
    }
  }

  #stop(): void {
    clearTimeout(this.#rest);
    this.#asking?.cancel();
    this.#asking?.dispose();
    this.#asking = undefined;
  }

  #follow(): void {
    // Other views and outputs take the focus, and then nothing is at a cursor.
    if (!this.#view.visible || vscode.window.activeTextEditor === undefined) {
      return;
    }
    this.#stop();
    const { token } = (this.#asking = new vscode.CancellationTokenSource());
    this.#rest = setTimeout(() => void this.#ask(token), restMs);
  }

  async #ask(token: vscode.CancellationToken): Promise<void> {
    try {
      const found = await this.#find(token);
      if (!token.isCancellationRequested) {
        this.#show(found);
      }
    } catch (error) {
      if (!token.isCancellationRequested) {
        this.log.warn(error instanceof Error ? error.message : String(error));
        this.#show(undefined);
      }
    }
  }

  async #find(token: vscode.CancellationToken): Promise<MatchAnswer | undefined> {
    const editor = vscode.window.activeTextEditor;
    if (editor === undefined || !this.session.isRunning) {
      return undefined;
    }
    const meant =
      (await this.#matchOf(atCursor(), token)) ??
      (await this.#matchOf(ofDocument(editor.document.uri), token));
    return meant ?? (await this.#matchOf(await newestChange(this.session, editor, token), token));
  }

  async #matchOf(
    target: CommitTarget | undefined,
    token: vscode.CancellationToken,
  ): Promise<MatchAnswer | undefined> {
    if (target === undefined) {
      return undefined;
    }
    const { sha, repository, uri } = target;
    const found = matchesIn(
      await this.session.ask("cabhfuil.where", { keys: [sha], repository, uri }, token),
    );
    return found.length === 1 ? found[0] : undefined;
  }

  #show(match: MatchAnswer | undefined): void {
    this.#match = match;
    // The description is drawn as plain text, and so may hold what a repository says.
    this.#view.description =
      match === undefined ? "" : `${short(match.sha)} ${oneLine(match.subject)}`;
    this.#changed.fire(undefined);
  }

  getChildren(node?: Node): Node[] {
    const match = this.#match;
    if (match === undefined) {
      return [];
    }
    if (node === undefined) {
      const rows = lineRows(match).map((row): LineNode => {
        const { commit } = row.landing;
        return { row, repository: match.repository, ...(commit !== undefined && { sha: commit }) };
      });
      // What is asked for comes first, and then how far it can be trusted.
      return [...rows, ...limitWords(match.limits, match.forgeProblems).map(note)];
    }
    return "row" in node ? concerning(node.row, match.repository) : [];
  }

  getTreeItem(node: Node): vscode.TreeItem {
    if (node instanceof vscode.TreeItem) {
      return node;
    }
    return "row" in node ? lineItem(node) : commitItem(node);
  }
}

function lineItem(node: LineNode): vscode.TreeItem {
  const { row, sha } = node;
  const { TreeItemCollapsibleState: State } = vscode;
  const item = new vscode.TreeItem(
    row.name,
    concerning(row, "").length > 0 ? State.Collapsed : State.None,
  );
  const said = [row.state, ...row.details].map(translated);
  item.description = [translated(row.state), ...row.brief].join(" · ");
  item.tooltip = [`${row.name}: ${said.join(", ")}`, row.landing.evidence.map(oneLine).join(", ")]
    .filter((line) => line !== "")
    .join("\n");
  item.accessibilityInformation = { label: `${row.name}, ${said.join(", ")}` };
  item.iconPath = icon(row.sign.icon, row.sign.color);
  if (sha !== undefined) {
    item.contextValue = "commit";
    item.command = showCommit(node);
  }
  return item;
}

function concerning(row: LineRow, repository: string): CommitNode[] {
  const { incomplete, revertedBy } = row.landing;
  return [
    ...(revertedBy === undefined
      ? []
      : [
          {
            sha: revertedBy,
            repository,
            label: vscode.l10n.t("reverted by {0}", short(revertedBy)),
          },
        ]),
    ...incomplete.map((sha) => ({
      sha,
      repository,
      label: vscode.l10n.t("lacks the follow-up {0}", short(sha)),
    })),
  ];
}

function commitItem(node: CommitNode): vscode.TreeItem {
  const item = new vscode.TreeItem(node.label);
  item.iconPath = icon("git-commit");
  item.contextValue = "commit";
  item.command = showCommit(node);
  return item;
}

function note(limit: Text): vscode.TreeItem {
  const item = new vscode.TreeItem(translated(limit));
  item.iconPath = icon("info");
  return item;
}

function icon(name: string, color?: string): vscode.ThemeIcon {
  return new vscode.ThemeIcon(name, color === undefined ? undefined : new vscode.ThemeColor(color));
}

function showCommit(node: Node): vscode.Command {
  return {
    command: "cabhfuil-vscode.showCommit",
    title: vscode.l10n.t("Show Commit"),
    arguments: [node],
  };
}
