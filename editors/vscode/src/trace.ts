import * as vscode from "vscode";

const setting = "cabhfuil.trace.server";

/**
 * The trace channel as the language client wants it. The client traces where the
 * channel's level says so, and takes the setting for how much alone; here the setting
 * turns it on, too.
 */
export function traceChannel(): vscode.LogOutputChannel {
  const channel = vscode.window.createOutputChannel("Cá Bhfuil Trace", { log: true });
  const changed = new vscode.EventEmitter<vscode.LogLevel>();
  const isOn = (): boolean =>
    vscode.workspace.getConfiguration().get<string>(setting, "off") !== "off";
  const level = (): vscode.LogLevel => (isOn() ? vscode.LogLevel.Trace : channel.logLevel);
  const listeners = vscode.Disposable.from(
    changed,
    channel.onDidChangeLogLevel(() => {
      changed.fire(level());
    }),
    vscode.workspace.onDidChangeConfiguration((change) => {
      if (change.affectsConfiguration(setting)) {
        changed.fire(level());
      }
    }),
  );
  // The editor's channels are closures: what is not overridden here works as it did.
  return Object.create(channel, {
    logLevel: { get: level },
    onDidChangeLogLevel: { value: changed.event },
    trace: {
      value: (message: string) => {
        // The channel would leave out what is below its own level.
        if (isOn() && channel.logLevel !== vscode.LogLevel.Trace) {
          channel.info(message);
        } else {
          channel.trace(message);
        }
      },
    },
    dispose: {
      value: () => {
        listeners.dispose();
        channel.dispose();
      },
    },
  }) as vscode.LogOutputChannel;
}
