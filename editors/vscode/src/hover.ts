import type { HoverMiddleware } from "vscode-languageclient/node";
import * as vscode from "vscode";
import { commandIds, hoverLinks, type LinkTitles } from "./hoverLinks";

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
export const hoverMiddleware: HoverMiddleware = {
  async provideHover(document, position, token, next) {
    const hover = await next(document, position, token);
    if (hover?.range === undefined) {
      return hover;
    }
    const links = hoverLinks(document.getText(hover.range), document.uri.toString(), titles());
    if (links === undefined) {
      return hover;
    }
    const markdown = new vscode.MarkdownString(links);
    markdown.isTrusted = { enabledCommands: Object.values(commandIds) };
    return new vscode.Hover([...hover.contents, markdown], hover.range);
  },
};
