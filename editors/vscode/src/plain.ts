import type { Middleware } from "vscode-languageclient/node";
import type * as vscode from "vscode";
import { withoutIcons } from "./text";

/**
 * The editor draws icons for $(name) in lenses, symbols and completions, too: the
 * subject “use $(MAKE)” would lose its last word there, and a name could pose as ours.
 */
export const plainMiddleware: Pick<
  Middleware,
  "provideWorkspaceSymbols" | "provideCompletionItem"
> = {
  async provideWorkspaceSymbols(query, token, next) {
    const symbols = await next(query, token);
    for (const symbol of symbols ?? []) {
      symbol.name = withoutIcons(symbol.name);
    }
    return symbols;
  },
  async provideCompletionItem(document, position, context, token, next) {
    const found = await next(document, position, context, token);
    for (const item of (Array.isArray(found) ? found : found?.items) ?? []) {
      plainItem(item);
    }
    return found;
  },
};

/** Lenses have a provider of our own, which the client's middleware does not see. */
export function plainLens(lens: vscode.CodeLens): vscode.CodeLens {
  if (lens.command !== undefined) {
    lens.command = { ...lens.command, title: withoutIcons(lens.command.title) };
  }
  return lens;
}

function plainItem(item: vscode.CompletionItem): void {
  const label = typeof item.label === "string" ? item.label : item.label.label;
  // What is typed is held against what the label was.
  item.filterText ??= label;
  item.insertText ??= label;
  item.label =
    typeof item.label === "string"
      ? withoutIcons(label)
      : { ...item.label, label: withoutIcons(label) };
}
