import type * as vscode from "vscode";
import type { CodeLensMiddleware } from "vscode-languageclient/node";
import { declaredRanges } from "./declarations";
import { symbolsOf } from "./targets";

/** How long lenses wait for the declarations of the language's own extension. */
const patienceMs = 1_000;

type Ask = (command: string, argument: object, token: vscode.CancellationToken) => Promise<unknown>;

/**
 * Tells the server where declarations are before it is asked for lenses, as far
 * as an extension for the language knows; else the server looks for itself.
 */
export function lensMiddleware(ask: Ask): CodeLensMiddleware {
  const told = new WeakSet<vscode.TextDocument>();
  return {
    async provideCodeLenses(document, token, next) {
      if (document.uri.scheme === "file") {
        const { version } = document;
        const declared = declaredRanges(await soon(symbolsOf(document)));
        const known = declared.length > 0;
        if ((known || told.has(document)) && !token.isCancellationRequested) {
          try {
            const uri = document.uri.toString();
            const declarations = known ? declared : null;
            await ask("cabhfuil.declarations", { uri, version, declarations }, token);
            told.add(document);
          } catch {
            // An older server, or one that is ending: lenses come all the same.
          }
        }
      }
      return next(document, token);
    },
  };
}

async function soon<T>(found: Promise<T[]>): Promise<T[]> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<T[]>((resolve) => {
    timer = setTimeout(resolve, patienceMs, []);
  });
  try {
    return await Promise.race([found, late]);
  } finally {
    clearTimeout(timer);
  }
}
