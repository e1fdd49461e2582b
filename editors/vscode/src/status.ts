import * as vscode from "vscode";

/**
 * The entry in the status bar's language menu: quiet while all is well, marked
 * when the server needs attention. Indexing shows itself as progress beside it.
 */
export class Status implements vscode.Disposable {
  readonly #item: vscode.LanguageStatusItem;

  constructor(selector: vscode.DocumentSelector) {
    this.#item = vscode.languages.createLanguageStatusItem("cabhfuil", selector);
    this.#item.name = "Cá Bhfuil";
    this.stopped();
  }

  starting(): void {
    this.#show("Cá Bhfuil is starting", "", vscode.LanguageStatusSeverity.Information, true);
  }

  running(version: string): void {
    this.#show("Cá Bhfuil", version, vscode.LanguageStatusSeverity.Information, false);
  }

  stopped(): void {
    this.#show("Cá Bhfuil is stopped", "", vscode.LanguageStatusSeverity.Information, false);
  }

  failed(why: string): void {
    this.#show("Cá Bhfuil is not running", why, vscode.LanguageStatusSeverity.Error, false);
  }

  dispose(): void {
    this.#item.dispose();
  }

  #show(text: string, detail: string, severity: vscode.LanguageStatusSeverity, busy: boolean) {
    this.#item.text = text;
    this.#item.detail = detail;
    this.#item.severity = severity;
    this.#item.busy = busy;
    this.#item.command =
      severity === vscode.LanguageStatusSeverity.Error
        ? { title: "Restart", command: "cabhfuil-vscode.restart" }
        : { title: "Show log", command: "cabhfuil-vscode.showLog" };
  }
}
