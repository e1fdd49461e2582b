import * as vscode from "vscode";
import { Coming } from "./coming";
import { documentSelector } from "./selector";

/**
 * How long lenses wait for a server that is being started. The editor shows nobody's
 * lenses before it has all.
 */
const startMs = 1000;

/**
 * How long the editor, which is about to ask when a window opens, is left to do so by
 * itself. It may have given up, which it does when the editor loses the focus.
 */
const askMs = 2000;

/** What lenses are asked of: a server, once it runs. */
export interface LensSource {
  lenses(
    document: vscode.TextDocument,
    token: vscode.CancellationToken,
  ): Promise<vscode.CodeLens[] | null | undefined>;
  resolve(
    lens: vscode.CodeLens,
    token: vscode.CancellationToken,
  ): Promise<vscode.CodeLens | null | undefined>;
}

/**
 * The editor's way to our lenses. It is there before the server is: the editor rests
 * before it asks somebody new, and rests anew whenever anybody comes, so that it asks
 * about when the server can answer.
 */
export class LensProvider implements vscode.CodeLensProvider, vscode.Disposable {
  readonly #source = new Coming<LensSource>(startMs);
  readonly #change = new vscode.EventEmitter<void>();
  readonly onDidChangeCodeLenses = this.#change.event;
  readonly #registration = vscode.languages.registerCodeLensProvider(documentSelector, this);
  /** The editor asked, and has an answer that another source could give otherwise. */
  #asked = false;
  #late: NodeJS.Timeout | undefined;

  dispose(): void {
    clearTimeout(this.#late);
    this.#registration.dispose();
    this.#change.dispose();
  }

  /** A source is to come. What is shown stays until then. */
  expect(): void {
    this.#source.expect();
  }

  /** Lenses are asked of a source from now on; without one there are none. */
  use(source: LensSource | undefined): void {
    this.#source.set(source);
    clearTimeout(this.#late);
    if (this.#asked) {
      this.again();
    } else {
      this.#late = setTimeout(() => {
        if (!this.#asked) {
          this.again();
        }
      }, askMs);
    }
  }

  /** Has the editor ask again. */
  again(): void {
    this.#asked = false;
    this.#change.fire();
  }

  async provideCodeLenses(
    document: vscode.TextDocument,
    token: vscode.CancellationToken,
  ): Promise<vscode.CodeLens[] | null | undefined> {
    const source = await this.#source.get();
    this.#asked = true;
    return token.isCancellationRequested ? undefined : source?.lenses(document, token);
  }

  async resolveCodeLens(
    lens: vscode.CodeLens,
    token: vscode.CancellationToken,
  ): Promise<vscode.CodeLens> {
    const source = await this.#source.get();
    return (await source?.resolve(lens, token)) ?? lens;
  }
}
