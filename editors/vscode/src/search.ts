import * as vscode from "vscode";
import { hitsIn, type CommitAnswer } from "./answers";
import { operators, remembered, stored, withOperator } from "./queries";
import type { Session } from "./session";
import { counted, text, withoutIcons } from "./text";
import { translated } from "./translated";

/** How long typing has to rest before the server is asked. */
const restMs = 60;
/** How long an entry has to be looked at before its document is shown. */
const previewMs = 250;
const limit = 100;

const historyKey = "searches";
const previewKey = "searchPreview";

interface Entry extends vscode.QuickPickItem {
  readonly commit?: CommitAnswer;
  /** What the query becomes when this is chosen. */
  readonly query?: string;
}

export interface Openers {
  readonly open: (commit: CommitAnswer) => unknown;
  readonly preview: (commit: CommitAnswer) => Promise<vscode.Uri>;
}

/**
 * A pick whose list is the server's answer to what stands in it. Unlike the
 * symbol search, it takes the whole search syntax and the server's order. While
 * nothing is typed it offers earlier searches and the syntax.
 */
export function searchCommits(memory: vscode.Memento, session: Session, openers: Openers): void {
  const pick = vscode.window.createQuickPick<Entry>();
  const preview = new Preview(openers.preview);
  let previewing = memory.get(previewKey, false);
  let asking: vscode.CancellationTokenSource | undefined;
  let rest: NodeJS.Timeout | undefined;
  let accepted = false;
  let seen: Entry | undefined;

  const ask = async (query: string, token: vscode.CancellationToken): Promise<void> => {
    pick.busy = true;
    try {
      const { hits, total } = hitsIn(await session.ask("cabhfuil.search", { query, limit }, token));
      if (token.isCancellationRequested) {
        return;
      }
      pick.title =
        total > hits.length
          ? translated(text("{0} of {1} commits", hits.length, total))
          : translated(counted.commits(total));
      seen = hits.length > 0 ? seen : undefined;
      pick.items = hits.map((hit) => ({
        label: withoutIcons(hit.subject),
        description: withoutIcons(
          `${hit.sha.slice(0, 12)} · ${hit.author}, ${hit.date} · ${hit.repository}`,
        ),
        // The editor would hide what its own match on the label does not find.
        alwaysShow: true,
        commit: hit,
      }));
    } catch (error) {
      if (!token.isCancellationRequested) {
        pick.title = error instanceof Error ? error.message : String(error);
        seen = undefined;
        pick.items = [];
      }
    } finally {
      if (!token.isCancellationRequested) {
        pick.busy = false;
      }
    }
  };
  const cancel = (): void => {
    clearTimeout(rest);
    asking?.cancel();
    asking?.dispose();
    asking = undefined;
  };
  const change = (value: string): void => {
    cancel();
    const query = value.trim();
    if (query === "") {
      pick.title = vscode.l10n.t("Search Commits");
      seen = undefined;
      pick.items = offers(stored(memory.get(historyKey)));
      pick.busy = false;
      return;
    }
    const { token } = (asking = new vscode.CancellationTokenSource());
    rest = setTimeout(() => void ask(query, token), restMs);
  };
  const drawButtons = (): void => {
    pick.buttons = [
      {
        iconPath: new vscode.ThemeIcon(previewing ? "eye" : "eye-closed"),
        tooltip: previewing
          ? vscode.l10n.t("Stop Showing Commits While Choosing")
          : vscode.l10n.t("Show Commits While Choosing"),
      },
    ];
  };

  pick.placeholder = vscode.l10n.t('Words, "phrases", author:, after:, in:LINE, -not, OR');
  drawButtons();
  pick.onDidTriggerButton(() => {
    previewing = !previewing;
    void memory.update(previewKey, previewing);
    drawButtons();
    const [active] = pick.activeItems;
    if (previewing && active?.commit !== undefined) {
      preview.soon(active.commit);
    }
  });
  pick.onDidChangeValue(change);
  pick.onDidChangeActive(([active]) => {
    seen = active ?? seen;
    preview.cancel();
    if (previewing && active?.commit !== undefined) {
      preview.soon(active.commit);
    }
  });
  pick.onDidAccept(() => {
    // The list may have been renewed between the key and here: what was seen is meant.
    const chosen = pick.selectedItems[0] ?? seen;
    if (chosen?.query !== undefined) {
      pick.value = chosen.query;
      change(pick.value);
      return;
    }
    if (chosen?.commit !== undefined) {
      accepted = true;
      void memory.update(historyKey, remembered(stored(memory.get(historyKey)), pick.value));
      pick.hide();
      openers.open(chosen.commit);
    }
  });
  pick.onDidHide(() => {
    cancel();
    void preview.end(accepted);
    pick.dispose();
  });
  change("");
  pick.show();
}

/** What is offered while nothing is typed: earlier searches, then the syntax. */
function offers(queries: readonly string[]): Entry[] {
  const { Separator } = vscode.QuickPickItemKind;
  const earlier = queries.map((query): Entry => ({
    label: withoutIcons(query),
    iconPath: new vscode.ThemeIcon("history"),
    query,
  }));
  return [
    ...(earlier.length > 0
      ? [{ label: vscode.l10n.t("Earlier searches"), kind: Separator }, ...earlier]
      : []),
    { label: vscode.l10n.t("Syntax"), kind: Separator },
    ...operators.map((operator): Entry => ({
      label: operator.write,
      description: translated(operator.matches),
      query: withOperator(operator),
    })),
  ];
}

/** Shows a commit's document beside the pick, and takes it away again. */
class Preview {
  #rest: NodeJS.Timeout | undefined;
  #shown: vscode.Uri | undefined;
  #before = vscode.window.activeTextEditor;
  #over = false;

  constructor(private readonly find: (commit: CommitAnswer) => Promise<vscode.Uri>) {}

  soon(commit: CommitAnswer): void {
    this.cancel();
    this.#rest = setTimeout(() => void this.#show(commit), previewMs);
  }

  cancel(): void {
    clearTimeout(this.#rest);
  }

  async #show(commit: CommitAnswer): Promise<void> {
    try {
      const uri = await this.find(commit);
      if (!this.#over) {
        this.#shown = uri;
        await vscode.window.showTextDocument(uri, { preview: true, preserveFocus: true });
      }
    } catch {
      // The list says enough; opening the commit tells what is wrong.
    }
  }

  /** Ends with the pick: unless the commit was chosen, what was shown before comes back. */
  async end(chosen: boolean): Promise<void> {
    this.cancel();
    this.#over = true;
    const shown = this.#shown?.toString();
    if (chosen || shown === undefined) {
      return;
    }
    const tabs = vscode.window.tabGroups.all
      .flatMap((group) => group.tabs)
      .filter(
        (tab) =>
          tab.isPreview &&
          tab.input instanceof vscode.TabInputText &&
          tab.input.uri.toString() === shown,
      );
    await vscode.window.tabGroups.close(tabs);
    // The focus may be elsewhere already, such as in another pick.
    const before = this.#before;
    if (before !== undefined && vscode.window.activeTextEditor?.document !== before.document) {
      const { document, viewColumn } = before;
      await vscode.window.showTextDocument(document, {
        preserveFocus: true,
        ...(viewColumn !== undefined && { viewColumn }),
      });
    }
  }
}
