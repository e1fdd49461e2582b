import * as vscode from "vscode";
import { documentUri, linesIn, type LinesAnswer } from "./answers";
import { against, lacking, type Line } from "./lines";
import type { MissingView } from "./missingView";
import type { Session } from "./session";
import { currentUri } from "./targets";
import { withoutIcons, withoutLinks } from "./text";

interface Two {
  readonly from: Line;
  readonly to: Line;
}

/**
 * Asks for a line, and for the one that it is held against, and lists what it lacks.
 * They are of a repository, or else of that of the active editor.
 */
export async function showMissing(
  session: Session,
  view: MissingView,
  repository?: string,
): Promise<void> {
  const lines = await chooseLines(session, repository);
  if (lines !== undefined) {
    await comparing(lines, (token) => view.show(lines.from, lines.to, token));
  }
}

/**
 * Opens the same list as a document of the server's, in which each SHA can be
 * hovered over and followed: what the view shows, or else what is asked for.
 */
export async function showMissingDocument(session: Session, view: MissingView): Promise<void> {
  const { shown } = view;
  const lines = shown ?? (await chooseLines(session));
  if (lines === undefined) {
    return;
  }
  const { repository, name } = lines.from;
  const { needed, security, since } = shown?.filters ?? {};
  // The document has what is known when it is opened, so all is waited for before.
  const found = await comparing(lines, async (token) =>
    documentUri(
      await session.ask(
        "cabhfuil.missing",
        { from: name, in: lines.to.name, repository, needed, security, since, wait: true },
        token,
      ),
    ),
  );
  if (found !== undefined) {
    await vscode.window.showTextDocument(vscode.Uri.parse(found, true), { preview: true });
  }
}

async function comparing<T>(
  { from, to }: Two,
  run: (token: vscode.CancellationToken) => Promise<T>,
): Promise<T | undefined> {
  return cancellable(vscode.l10n.t("Comparing {0} with {1}", from.name, to.name), run);
}

async function chooseLines(session: Session, repository?: string): Promise<Two | undefined> {
  const where = repository === undefined ? { uri: currentUri() } : { repository };
  const repositories = await cancellable(
    vscode.l10n.t("Looking for release lines"),
    async (token) =>
      linesIn(await session.ask("cabhfuil.where", { keys: ["HEAD"], ...where, wait: true }, token)),
  );
  if (repositories === undefined) {
    return undefined;
  }
  const lines = lacking(repositories);
  if (lines.length === 0) {
    throw new Error(
      vscode.l10n.t("No repository here has a release line besides its upstream one."),
    );
  }
  const from = await pick(repositories, lines, vscode.l10n.t("The line that lacks something"));
  if (from === undefined) {
    return undefined;
  }
  const others = against(repositories, from);
  const to =
    others.length === 1
      ? others[0]
      : await pick(repositories, others, vscode.l10n.t("{0} lacks it of", from.name));
  return to && { from, to };
}

async function pick(
  repositories: readonly LinesAnswer[],
  lines: readonly Line[],
  placeHolder: string,
): Promise<Line | undefined> {
  const items = lines.map((line) => ({
    label: withoutIcons(line.name),
    description: repositories.length > 1 ? withoutIcons(line.repository) : "",
    line,
  }));
  return (await vscode.window.showQuickPick(items, { placeHolder, matchOnDescription: true }))
    ?.line;
}

/** How long something may take before it is announced. */
const announceMs = 500;

/** Does something that may take long; undefined when the user has it stopped. */
async function cancellable<T>(
  title: string,
  run: (token: vscode.CancellationToken) => Promise<T>,
): Promise<T | undefined> {
  const stop = new vscode.CancellationTokenSource();
  const running = run(stop.token);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<"late">((resolve) => {
    timer = setTimeout(resolve, announceMs, "late");
  });
  try {
    const first = await Promise.race([running.then((value) => ({ value })), late]);
    if (first !== "late") {
      return first.value;
    }
    return await announced(title, running, stop);
  } finally {
    clearTimeout(timer);
    stop.dispose();
  }
}

async function announced<T>(
  title: string,
  running: Promise<T>,
  stop: vscode.CancellationTokenSource,
): Promise<T | undefined> {
  const options = {
    location: vscode.ProgressLocation.Notification,
    title: withoutLinks(title),
    cancellable: true,
  };
  return vscode.window.withProgress(options, async (_progress, token) => {
    token.onCancellationRequested(() => {
      stop.cancel();
    });
    try {
      return await running;
    } catch (error) {
      if (token.isCancellationRequested) {
        return undefined;
      }
      throw error;
    }
  });
}
