import * as vscode from "vscode";
import { Coming } from "./coming";
import { documentSelector } from "./selector";

/**
 * How long lenses wait for a server that is being started. The editor shows nobody's
 * lenses before it has all.
 */
const startMs = 500;

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
  readonly #source = new Coming<LensSource>();
  readonly #change = new vscode.EventEmitter<void>();
  readonly onDidChangeCodeLenses = this.#change.event;
  readonly #registration = vscode.languages.registerCodeLensProvider(documentSelector, this);
  /** The editor has an answer that another source could give otherwise. */
  #asked = false;

  dispose(): void {
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
    this.again();
  }

  /** Has the editor ask again, as far as it did ask. */
  again(): void {
    if (this.#asked) {
      this.#asked = false;
      this.#change.fire();
    }
  }

  async provideCodeLenses(
    document: vscode.TextDocument,
    token: vscode.CancellationToken,
  ): Promise<vscode.CodeLens[] | null | undefined> {
    const source = await this.#source.within(startMs);
    this.#asked = true;
    return token.isCancellationRequested ? undefined : source?.lenses(document, token);
  }

  async resolveCodeLens(
    lens: vscode.CodeLens,
    token: vscode.CancellationToken,
  ): Promise<vscode.CodeLens> {
    const source = await this.#source.within(startMs);
    return (await source?.resolve(lens, token)) ?? lens;
  }
}
