import * as vscode from "vscode";
import {
  commitsIn,
  documentUri,
  fixesLine,
  isSha,
  repositoriesIn,
  type CommitAnswer,
} from "./answers";
import { commandIds, type CommitTarget } from "./hoverLinks";
import { showMissing } from "./missing";
import { searchCommits } from "./search";
import type { Session } from "./session";

/**
 * The extension's own commands. Their ids differ from the server's, since the
 * client registers those under the names that the server gives.
 */
export function registerCommands(
  session: Session,
  log: vscode.LogOutputChannel,
): vscode.Disposable {
  const commands: Record<string, (target?: CommitTarget) => unknown> = {
    [commandIds.showCommit]: async (target) => {
      const commit = await choose(session, target);
      await (commit && showCommit(session, commit));
    },
    [commandIds.copySha]: async (target) => {
      const commit = await choose(session, target);
      await (commit && copy(commit.sha));
    },
    [commandIds.copyFixes]: async (target) => {
      const commit = await choose(session, target);
      await (commit && copy(fixesLine(commit)));
    },
    "cabhfuil-vscode.search": () => {
      searchCommits(session, (commit) => shown(() => showCommit(session, commit)));
    },
    "cabhfuil-vscode.showMissing": () => showMissing(session),
    "cabhfuil-vscode.reindex": async () => {
      const names = repositoriesIn(await session.ask("cabhfuil.reindex", {}));
      vscode.window.setStatusBarMessage(`Indexing ${names.join(", ")} again`, 5_000);
    },
    "cabhfuil-vscode.restart": () => session.restart(),
    "cabhfuil-vscode.showLog": () => {
      log.show();
    },
  };
  return vscode.Disposable.from(
    ...Object.entries(commands).map(([id, run]) =>
      vscode.commands.registerCommand(id, (target?: CommitTarget) => shown(() => run(target))),
    ),
  );
}

/** Shows the error of something that the user asked for. */
async function shown(run: () => unknown): Promise<void> {
  try {
    await run();
  } catch (error) {
    void vscode.window.showErrorMessage(error instanceof Error ? error.message : String(error));
  }
}

/** Opens a commit's document. */
async function showCommit(session: Session, commit: CommitAnswer): Promise<void> {
  const { sha, repository } = commit;
  const uri = documentUri(await session.ask("cabhfuil.commit", { sha, repository }));
  await vscode.window.showTextDocument(vscode.Uri.parse(uri, true), { preview: true });
}

async function copy(text: string): Promise<void> {
  await vscode.env.clipboard.writeText(text);
  vscode.window.setStatusBarMessage(`Copied ${text}`, 5_000);
}

/** The commit that is meant: by the link, by the word at the cursor, or by what the user types. */
async function choose(
  session: Session,
  target: CommitTarget | undefined,
): Promise<CommitAnswer | undefined> {
  const meant = target ?? atCursor() ?? (await typed());
  if (meant === undefined) {
    return undefined;
  }
  const { sha, repository, uri } = meant;
  const found = commitsIn(await session.ask("cabhfuil.where", { keys: [sha], repository, uri }));
  if (found.length === 0) {
    throw new Error(`No known repository has a commit ${sha}.`);
  }
  if (found.length === 1) {
    return found[0];
  }
  const items = found.map((commit) => ({
    label: commit.sha.slice(0, 12),
    description: commit.subject,
    detail: commit.repository,
    commit,
  }));
  const picked = await vscode.window.showQuickPick(items, { title: `${sha} is ambiguous` });
  return picked?.commit;
}

function atCursor(): CommitTarget | undefined {
  const editor = vscode.window.activeTextEditor;
  const range = editor?.document.getWordRangeAtPosition(
    editor.selection.active,
    /\b[0-9a-f]{7,64}\b/i,
  );
  return editor && range
    ? { sha: editor.document.getText(range), uri: editor.document.uri.toString() }
    : undefined;
}

async function typed(): Promise<CommitTarget | undefined> {
  const sha = await vscode.window.showInputBox({
    title: "Commit",
    prompt: "A SHA, whole or its first seven or more digits",
    validateInput: (value) => (isSha(value.trim()) ? undefined : "Seven or more hex digits"),
  });
  return sha === undefined ? undefined : { sha: sha.trim() };
}
