import type * as vscode from "vscode";
import { declaredRanges, type Lines } from "./declarations";
import type { LensSource } from "./lensProvider";
import { plainLens } from "./plain";
import { soon } from "./soon";
import { symbolsOf } from "./targets";

/**
 * How long lenses wait for the declarations of the language's own extension: those
 * above lines that name a commit need none. In a window that has just opened all
 * extensions are starting, and nothing is waited for.
 */
const patienceMs = 150;
const openingMs = 5000;

type Ask = (command: string, argument: object, token: vscode.CancellationToken) => Promise<unknown>;

/**
 * Tells a server where declarations are before it is asked for lenses, as far
 * as an extension for the language knows; else the server looks for itself. What
 * comes late is told when the editor asks again, which `again` has it do. Titles come
 * back as plain text.
 */
export function withDeclarations(server: LensSource, ask: Ask, again: () => void): LensSource {
  const opened = Date.now();
  const told = new WeakSet<vscode.TextDocument>();
  const late = new WeakMap<vscode.TextDocument, { version: number; declared: Lines[] }>();

  /** Keeps declarations for when the editor asks again. */
  async function keep(document: vscode.TextDocument, found: Promise<Lines[]>): Promise<void> {
    const { version } = document;
    try {
      const declared = await found;
      if (declared.length > 0 && document.version === version) {
        late.set(document, { version, declared });
        again();
      }
    } catch {
      // The language's extension failed, which the editor tells.
    }
  }

  async function declarations(document: vscode.TextDocument): Promise<Lines[]> {
    const kept = late.get(document);
    late.delete(document); // it may be another the next time
    if (kept?.version === document.version) {
      return kept.declared;
    }
    if (Date.now() - opened < openingMs && !told.has(document)) {
      // The server is asked before the other extensions are.
      setTimeout(() => void keep(document, find(document)));
      return [];
    }
    const found = find(document);
    const declared = await soon(found, patienceMs);
    if (declared === undefined) {
      void keep(document, found);
    }
    return declared ?? [];
  }

  return {
    async lenses(document, token) {
      if (document.uri.scheme === "file") {
        const { version } = document;
        const declared = await declarations(document);
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
      return (await server.lenses(document, token))?.map(plainLens);
    },
    async resolve(lens, token) {
      const resolved = await server.resolve(lens, token);
      return resolved && plainLens(resolved);
    },
  };
}

async function find(document: vscode.TextDocument): Promise<Lines[]> {
  return declaredRanges(await symbolsOf(document));
}
