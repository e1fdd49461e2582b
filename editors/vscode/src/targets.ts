import * as vscode from "vscode";
import { newestIn } from "./answers";
import { declaredRanges, innermost, type Symbol } from "./declarations";
import type { CommitTarget } from "./hoverLinks";
import type { Session } from "./session";

/** The SHA at the cursor of the active editor. */
export function atCursor(): CommitTarget | undefined {
  const editor = vscode.window.activeTextEditor;
  const range = editor?.document.getWordRangeAtPosition(
    editor.selection.active,
    /\b[0-9a-f]{7,64}\b/i,
  );
  return editor && range
    ? { sha: editor.document.getText(range), uri: editor.document.uri.toString() }
    : undefined;
}

/** The commit whose document this is. */
export function ofDocument(uri: vscode.Uri): CommitTarget | undefined {
  const found = /^\/(.+)\/([0-9a-f]{40,64})\.commit$/.exec(uri.path);
  return uri.scheme === "cabhfuil" && found?.[1] !== undefined && found[2] !== undefined
    ? { repository: found[1], sha: found[2] }
    : undefined;
}

/** The document whose repository is meant, or else the first folder. */
export function currentUri(): string | undefined {
  const editor = vscode.window.activeTextEditor?.document.uri;
  return (editor ?? vscode.workspace.workspaceFolders?.[0]?.uri)?.toString();
}

/** The declarations of a document, as its language's own extension knows them. */
export async function symbolsOf(document: vscode.TextDocument): Promise<Symbol[]> {
  const found = await vscode.commands.executeCommand<
    (vscode.DocumentSymbol | vscode.SymbolInformation)[] | undefined
  >("vscode.executeDocumentSymbolProvider", document.uri);
  return (found ?? []).map(symbol);
}

function symbol(found: vscode.DocumentSymbol | vscode.SymbolInformation): Symbol {
  const nested = "children" in found;
  const { start, end } = nested ? found.range : found.location.range;
  return {
    kind: vscode.SymbolKind[found.kind],
    first: start.line,
    // A range that ends where a line begins has nothing of that line.
    last: end.character === 0 && end.line > start.line ? end.line - 1 : end.line,
    children: nested ? found.children.map(symbol) : [],
  };
}

/** The newest change of the declaration at the cursor, or else of the whole file. */
export async function newestChange(
  session: Session,
  editor: vscode.TextEditor,
  token: vscode.CancellationToken,
): Promise<CommitTarget | undefined> {
  const { document, selection } = editor;
  if (document.uri.scheme !== "file") {
    return undefined;
  }
  const declared = declaredRanges(await symbolsOf(document));
  const lines = innermost(declared, selection.active.line) ?? {
    first: 0,
    last: document.lineCount - 1,
  };
  const argument = { uri: document.uri.toString(), ...lines };
  return newestIn(await session.ask("cabhfuil.newest", argument, token));
}
