import * as vscode from "vscode";
import { hitsIn, type CommitAnswer } from "./answers";
import type { Session } from "./session";

/** How long typing has to rest before the server is asked. */
const restMs = 60;
const limit = 100;

/**
 * A pick whose list is the server's answer to what stands in it. Unlike the
 * symbol search, it takes the whole search syntax and the server's order.
 */
export function searchCommits(session: Session, open: (commit: CommitAnswer) => unknown): void {
  const pick = vscode.window.createQuickPick<vscode.QuickPickItem & { commit?: CommitAnswer }>();
  let asking: vscode.CancellationTokenSource | undefined;
  let rest: NodeJS.Timeout | undefined;

  const ask = async (query: string, token: vscode.CancellationToken): Promise<void> => {
    pick.busy = true;
    try {
      const { hits, total } = hitsIn(await session.ask("cabhfuil.search", { query, limit }, token));
      if (token.isCancellationRequested) {
        return;
      }
      const all = total === 1 ? "1 commit" : `${total} commits`;
      pick.title = total > hits.length ? `${hits.length} of ${all}` : all;
      pick.items = hits.map((hit) => ({
        label: hit.subject,
        description: `${hit.sha.slice(0, 12)} · ${hit.author}, ${hit.date} · ${hit.repository}`,
        // The editor would hide what its own match on the label does not find.
        alwaysShow: true,
        commit: hit,
      }));
    } catch (error) {
      if (!token.isCancellationRequested) {
        pick.title = error instanceof Error ? error.message : String(error);
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

  pick.placeholder = 'Words, "phrases", author:, after:, in:LINE, -not, OR';
  pick.onDidChangeValue((value) => {
    cancel();
    const query = value.trim();
    if (query === "") {
      pick.items = [];
      pick.busy = false;
      return;
    }
    const { token } = (asking = new vscode.CancellationTokenSource());
    rest = setTimeout(() => void ask(query, token), restMs);
  });
  pick.onDidAccept(() => {
    const commit = pick.selectedItems[0]?.commit;
    pick.hide();
    if (commit !== undefined) {
      open(commit);
    }
  });
  pick.onDidHide(() => {
    cancel();
    pick.dispose();
  });
  pick.show();
}
