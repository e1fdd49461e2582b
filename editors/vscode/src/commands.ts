import * as vscode from "vscode";
import {
  commitsIn,
  documentUri,
  fixesLine,
  isSha,
  matchesIn,
  repositoriesIn,
  type CommitAnswer,
  type MatchAnswer,
} from "./answers";
import { commandIds, type CommitTarget } from "./hoverLinks";
import { showMissing, showMissingDocument } from "./missing";
import type { MissingView } from "./missingView";
import { comparable, short } from "./releaseLines";
import { searchCommits } from "./search";
import type { Session } from "./session";
import type { Status } from "./status";
import { atCursor, currentUri, ofDocument } from "./targets";
import { oneLine, withoutIcons, withoutLinks } from "./text";

/** What the commands work with. */
export interface House {
  readonly context: vscode.ExtensionContext;
  readonly session: Session;
  readonly status: Status;
  readonly missing: MissingView;
  readonly log: vscode.LogOutputChannel;
}

/**
 * The extension's own commands. Their ids differ from the server's, since the
 * client registers those under the names that the server gives.
 */
export function registerCommands(house: House): vscode.Disposable {
  const { session, status, missing, log } = house;
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
    [commandIds.compareLines]: async (target) => {
      const commit = await choose(session, target);
      await (commit && compareLines(session, commit));
    },
    "cabhfuil-vscode.openOnForge": async (target) => {
      const commit = await choose(session, target);
      await (commit && openOnForge(session, commit));
    },
    "cabhfuil-vscode.search": () => {
      searchCommits(house.context.workspaceState, session, {
        open: (commit) => shown(() => showCommit(session, commit)),
        preview: (commit) => commitUri(session, commit),
      });
    },
    "cabhfuil-vscode.showMissing": (target) => showMissing(session, missing, target?.repository),
    "cabhfuil-vscode.showMissingDocument": () => showMissingDocument(session, missing),
    "cabhfuil-vscode.filterMissing": () => missing.filter(),
    "cabhfuil-vscode.clearMissingFilters": () => missing.clearFilters(),
    "cabhfuil-vscode.refreshMissing": () => missing.refresh(),
    "cabhfuil-vscode.menu": () => status.menu(session),
    "cabhfuil-vscode.reindex": async () => {
      const names = repositoriesIn(await session.ask("cabhfuil.reindex", {}));
      said(vscode.l10n.t("Indexing {0} again", names.join(", ")));
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
    const said = error instanceof Error ? error.message : String(error);
    void vscode.window.showErrorMessage(withoutLinks(said));
  }
}

/** Says something in the status bar for a while. */
function said(message: string): void {
  vscode.window.setStatusBarMessage(withoutIcons(message), 5_000);
}

async function commitUri(
  session: Session,
  commit: Pick<CommitAnswer, "sha" | "repository">,
): Promise<vscode.Uri> {
  const { sha, repository } = commit;
  return vscode.Uri.parse(
    documentUri(await session.ask("cabhfuil.commit", { sha, repository })),
    true,
  );
}

/** Opens a commit's document. */
async function showCommit(session: Session, commit: CommitAnswer): Promise<void> {
  await vscode.window.showTextDocument(await commitUri(session, commit), { preview: true });
}

async function copy(text: string): Promise<void> {
  await vscode.env.clipboard.writeText(text);
  said(vscode.l10n.t("Copied {0}", text));
}

async function matchOf(session: Session, commit: CommitAnswer): Promise<MatchAnswer> {
  const { sha, repository } = commit;
  const [match] = matchesIn(await session.ask("cabhfuil.where", { keys: [sha], repository }));
  if (match === undefined) {
    throw new Error(vscode.l10n.t("No known repository has a commit {0}.", short(sha)));
  }
  return match;
}

/** Shows how a change differs between two lines that have it under another SHA each. */
async function compareLines(session: Session, commit: CommitAnswer): Promise<void> {
  const match = await matchOf(session, commit);
  const lines = comparable(match);
  const left = lines.find(({ sha }) => sha === commit.sha) ?? lines[0];
  const others = lines.filter(({ sha }) => sha !== left?.sha);
  if (left === undefined || others.length === 0) {
    throw new Error(
      vscode.l10n.t("No other line has {0} under a SHA of its own.", short(commit.sha)),
    );
  }
  const right =
    others.length === 1
      ? others[0]
      : (
          await vscode.window.showQuickPick(
            others.map((line) => ({
              label: withoutIcons(line.name),
              description: short(line.sha),
              line,
            })),
            { placeHolder: vscode.l10n.t("Compare {0} with", left.name) },
          )
        )?.line;
  if (right === undefined) {
    return;
  }
  const { repository } = match;
  await vscode.commands.executeCommand(
    "vscode.diff",
    await commitUri(session, { sha: left.sha, repository }),
    await commitUri(session, { sha: right.sha, repository }),
    `${left.name} (${short(left.sha)}) ↔ ${right.name} (${short(right.sha)})`,
    { preview: true },
  );
}

/** Opens the page of a commit, or of what it names, in the browser. */
async function openOnForge(session: Session, commit: CommitAnswer): Promise<void> {
  const { pages } = await matchOf(session, commit);
  if (pages.length === 0) {
    throw new Error(
      vscode.l10n.t("No forge is known that shows {0} or what it names.", short(commit.sha)),
    );
  }
  const page =
    pages.length === 1
      ? pages[0]
      : (
          await vscode.window.showQuickPick(
            pages.map((page) => ({
              label: withoutIcons(page.title),
              description: withoutIcons(page.url),
              page,
            })),
            { placeHolder: vscode.l10n.t("Open in the browser") },
          )
        )?.page;
  if (page !== undefined) {
    await vscode.env.openExternal(vscode.Uri.parse(page.url, true));
  }
}

/** The commit that is meant: by the link or row, by the cursor, or by what the user types. */
async function choose(
  session: Session,
  target: CommitTarget | undefined,
): Promise<CommitAnswer | undefined> {
  const editor = vscode.window.activeTextEditor;
  const meant =
    target ?? atCursor() ?? (editor && ofDocument(editor.document.uri)) ?? (await typed());
  if (meant === undefined) {
    return undefined;
  }
  const { sha, repository } = meant;
  const uri = meant.uri ?? (repository === undefined ? currentUri() : undefined);
  const found = commitsIn(await session.ask("cabhfuil.where", { keys: [sha], repository, uri }));
  if (found.length === 0) {
    throw new Error(vscode.l10n.t("No known repository has a commit {0}.", sha));
  }
  if (found.length === 1) {
    return found[0];
  }
  const items = found.map((commit) => ({
    label: short(commit.sha),
    description: withoutIcons(commit.subject),
    detail: withoutIcons(commit.repository),
    commit,
  }));
  const picked = await vscode.window.showQuickPick(items, {
    title: vscode.l10n.t("{0} is ambiguous", oneLine(sha)),
  });
  return picked?.commit;
}

async function typed(): Promise<CommitTarget | undefined> {
  const sha = await vscode.window.showInputBox({
    title: vscode.l10n.t("Commit"),
    prompt: vscode.l10n.t("A SHA, whole or its first seven or more digits"),
    validateInput: (value) =>
      isSha(value.trim()) ? undefined : vscode.l10n.t("Seven or more hex digits"),
  });
  return sha === undefined ? undefined : { sha: sha.trim() };
}
