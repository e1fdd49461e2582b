import * as vscode from "vscode";
import { documentUri, linesIn, type LinesAnswer } from "./answers";
import { against, lacking, type Line } from "./lines";
import type { Session } from "./session";

/**
 * Asks for a line, and for the one that it is held against, and opens the list
 * of what it lacks: a document of the server's, in which each SHA can be hovered
 * over and followed.
 */
export async function showMissing(session: Session): Promise<void> {
  const uri = currentUri();
  const repositories = await cancellable("Looking for release lines", async (token) =>
    linesIn(await session.ask("cabhfuil.where", { keys: ["HEAD"], uri, wait: true }, token)),
  );
  if (repositories === undefined) {
    return;
  }
  const lines = lacking(repositories);
  if (lines.length === 0) {
    throw new Error("No repository here has a release line besides its upstream one.");
  }
  const from = await pick(repositories, lines, "The line that lacks something");
  if (from === undefined) {
    return;
  }
  const others = against(repositories, from);
  const to =
    others.length === 1 ? others[0] : await pick(repositories, others, `${from.name} lacks it of`);
  if (to === undefined) {
    return;
  }
  // The document has what is known when it is opened, so all is waited for before.
  const found = await cancellable(`Comparing ${from.name} with ${to.name}`, async (token) => {
    const { repository, name } = from;
    const argument = { from: name, in: to.name, repository, wait: true };
    return documentUri(await session.ask("cabhfuil.missing", argument, token));
  });
  if (found !== undefined) {
    await vscode.window.showTextDocument(vscode.Uri.parse(found, true), { preview: true });
  }
}

/** The document whose repository is meant, or else the first folder. */
function currentUri(): string | undefined {
  const editor = vscode.window.activeTextEditor?.document.uri;
  return (editor ?? vscode.workspace.workspaceFolders?.[0]?.uri)?.toString();
}

async function pick(
  repositories: readonly LinesAnswer[],
  lines: readonly Line[],
  placeHolder: string,
): Promise<Line | undefined> {
  const items = lines.map((line) => ({
    label: line.name,
    description: repositories.length > 1 ? line.repository : "",
    line,
  }));
  return (await vscode.window.showQuickPick(items, { placeHolder, matchOnDescription: true }))
    ?.line;
}

/** Does something that may take long; undefined when the user has it stopped. */
async function cancellable<T>(
  title: string,
  run: (token: vscode.CancellationToken) => Promise<T>,
): Promise<T | undefined> {
  const options = { location: vscode.ProgressLocation.Notification, title, cancellable: true };
  return vscode.window.withProgress(options, async (_progress, token) => {
    try {
      return await run(token);
    } catch (error) {
      if (token.isCancellationRequested) {
        return undefined;
      }
      throw error;
    }
  });
}
