import type { HoverMiddleware } from "vscode-languageclient/node";
import * as vscode from "vscode";
import { isSha, matchesIn, newestIn } from "./answers";
import { commandIds, hoverLinks, type CommitTarget, type LinkTitles } from "./hoverLinks";
import { comparable } from "./releaseLines";
import { soon } from "./soon";

/** How long a card waits for its commands. */
const patienceMs = 500;

type Ask = (command: string, argument: object, token: vscode.CancellationToken) => Promise<unknown>;

function titles(): LinkTitles {
  return {
    showCommit: vscode.l10n.t("Show commit"),
    copySha: vscode.l10n.t("Copy SHA"),
    copyFixes: vscode.l10n.t("Copy as Fixes: line"),
    compareLines: vscode.l10n.t("Compare lines"),
  };
}

/**
 * Adds the extension's commands below the server's hover. The server's own
 * Markdown quotes commit messages, so it stays untrusted and cannot carry them.
 */
export function hoverMiddleware(ask: Ask): HoverMiddleware {
  return {
    async provideHover(document, position, token, next) {
      const hover = await next(document, position, token);
      if (hover?.range === undefined) {
        return hover;
      }
      let links: string | undefined;
      try {
        links = await soon(linksAt(ask, document, hover.range, token), patienceMs);
      } catch {
        // The card itself is there, and says more than that its commands are not.
      }
      if (links === undefined) {
        return hover;
      }
      const markdown = new vscode.MarkdownString(links);
      markdown.isTrusted = { enabledCommands: Object.values(commandIds) };
      return new vscode.Hover([...hover.contents, markdown], hover.range);
    },
  };
}

async function linksAt(
  ask: Ask,
  document: vscode.TextDocument,
  range: vscode.Range,
  token: vscode.CancellationToken,
): Promise<string | undefined> {
  const target = await commitOf(ask, document, range, token);
  return target && (await linksFor(ask, target, token));
}

/** The key that a hover's card is of: where it is no SHA, the server says which commit that is. */
async function commitOf(
  ask: Ask,
  document: vscode.TextDocument,
  range: vscode.Range,
  token: vscode.CancellationToken,
): Promise<CommitTarget | undefined> {
  const uri = document.uri.toString();
  const text = document.getText(range);
  // The address of a commit ends with its SHA.
  const sha = text.replace(/^https?:\/\/\S*[/=]/i, "");
  if (isSha(sha)) {
    return { sha, uri };
  }
  if (/^I[0-9a-f]{8,40}$/i.test(text)) {
    const argument = { keys: [text], uri, hurry: true };
    const [match, ...others] = matchesIn(await ask("cabhfuil.where", argument, token));
    return match !== undefined && others.length === 0
      ? { sha: match.sha, repository: match.repository }
      : undefined;
  }
  const { start, end } = range;
  if (start.line === end.line && range.isEqual(document.lineAt(start.line).range)) {
    return newestIn(
      await ask("cabhfuil.newest", { uri, first: start.line, last: end.line }, token),
    );
  }
  return undefined;
}

async function linksFor(
  ask: Ask,
  target: CommitTarget,
  token: vscode.CancellationToken,
): Promise<string | undefined> {
  const { sha, uri, repository } = target;
  const argument = { keys: [sha], uri, repository, hurry: true };
  const matches = matchesIn(await ask("cabhfuil.where", argument, token));
  if (matches.length === 0) {
    return undefined; // it is still being read
  }
  // An ambiguous one is chosen from a list, before it is known what it can be compared with.
  const several = matches.some((match) => comparable(match).length > 1);
  return hoverLinks(target, titles(), several ? [] : ["compareLines"]);
}
