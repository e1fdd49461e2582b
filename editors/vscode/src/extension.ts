import * as vscode from "vscode";
import { registerCommands } from "./commands";
import { MissingView } from "./missingView";
import { ReleaseLinesView } from "./releaseLinesView";
import { Session } from "./session";
import { Status } from "./status";

let session: Session | undefined;

export function activate(context: vscode.ExtensionContext): void {
  const log = vscode.window.createOutputChannel("Cá Bhfuil", { log: true });
  const status = new Status();
  const started = new Session(context, log, status);
  session = started;
  const missing = new MissingView(started);
  context.subscriptions.push(
    log,
    status,
    started,
    missing,
    new ReleaseLinesView(started, log),
    registerCommands({ context, session: started, status, missing, log }),
    vscode.workspace.onDidChangeConfiguration((change) => {
      if (change.affectsConfiguration("cabhfuil.server.path")) {
        void started.restart();
      }
    }),
  );
  // Not awaited: activation is over before the server is.
  void started.restart();
}

export async function deactivate(): Promise<void> {
  await session?.stop();
}
