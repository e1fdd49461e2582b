import { homedir } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import * as vscode from "vscode";
import {
  CloseAction,
  ErrorAction,
  ExecuteCommandRequest,
  LanguageClient,
  RevealOutputChannelOn,
  State,
  type ErrorHandler,
  type LanguageClientOptions,
} from "vscode-languageclient/node";
import { hoverMiddleware } from "./hover";
import { Restarts } from "./restarts";
import { findServer, ServerProblem } from "./server";
import type { Status } from "./status";

/** Commits are named anywhere, so every text document takes part, whatever its language. */
export const documentSelector = ["file", "untitled", "git", "cabhfuil"].map((scheme) => ({
  scheme,
}));

/** The window's one server: finds it, starts it, starts it again, ends it. */
export class Session implements vscode.Disposable {
  #client: LanguageClient | undefined;
  /** Starts and stops run one after another: two at once would leave a process behind. */
  #queue: Promise<void> = Promise.resolve();
  readonly #restarts = new Restarts();
  readonly #trace = vscode.window.createOutputChannel("Cá Bhfuil Trace", { log: true });

  constructor(
    private readonly context: vscode.ExtensionContext,
    private readonly log: vscode.LogOutputChannel,
    private readonly status: Status,
  ) {}

  /** Starts the server, or starts it anew. Problems are shown, not thrown. */
  restart(): Promise<void> {
    this.#restarts.reset();
    return this.#enqueue(async () => {
      await this.#stop();
      await this.#start();
    });
  }

  stop(): Promise<void> {
    return this.#enqueue(() => this.#stop());
  }

  dispose(): void {
    this.#trace.dispose();
  }

  /** Asks one of the server's commands. */
  async ask(command: string, argument: object, token?: vscode.CancellationToken): Promise<unknown> {
    const client = this.#client;
    if (client?.state !== State.Running) {
      throw new Error("The Cá Bhfuil server is not running.");
    }
    const params = { command, arguments: [argument] };
    return (await client.sendRequest(ExecuteCommandRequest.type, params, token)) as unknown;
  }

  #enqueue(work: () => Promise<void>): Promise<void> {
    this.#queue = this.#queue.then(work).catch((error: unknown) => {
      this.#report(error);
    });
    return this.#queue;
  }

  async #start(): Promise<void> {
    this.status.starting();
    const server = await findServer({
      setting: vscode.workspace.getConfiguration("cabhfuil.server").get("path", ""),
      extensionPath: this.context.extensionPath,
      home: homedir(),
      searchPath: process.env.PATH ?? "",
      windows: process.platform === "win32",
    });
    this.log.info(`server ${server.version} (${server.origin}): ${server.path}`);
    const executable = { command: server.path, args: ["--stdio"] };
    const client = new LanguageClient("cabhfuil", "Cá Bhfuil", executable, this.#options());
    client.onDidChangeState(({ newState }) => {
      if (newState === State.Running) {
        this.status.running(server.version);
      } else if (newState === State.Starting) {
        this.status.starting();
      }
    });
    this.#client = client;
    await client.start();
  }

  async #stop(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    // A client whose start failed cannot be stopped and holds no process.
    if (client?.needsStop() === true) {
      await client.stop();
    }
    this.status.stopped();
  }

  #options(): LanguageClientOptions {
    return {
      documentSelector,
      outputChannel: this.log,
      traceOutputChannel: this.#trace,
      // A failed request is in the log; a pop-up for each hover would be noise.
      revealOutputChannelOn: RevealOutputChannelOn.Never,
      initializationFailedHandler: () => false,
      errorHandler: this.#errorHandler(),
      middleware: hoverMiddleware,
      markdown: { isTrusted: false, supportHtml: false },
    };
  }

  #errorHandler(): ErrorHandler {
    return {
      error: (_error, _message, count) => ({
        action: count !== undefined && count <= 3 ? ErrorAction.Continue : ErrorAction.Shutdown,
        handled: true,
      }),
      closed: async () => {
        const delay = this.#restarts.ended(Date.now());
        if (delay === undefined) {
          this.#report(
            new ServerProblem(
              "The Cá Bhfuil server ended several times in a row and stays down.",
              "Its log may say why.",
            ),
          );
          return { action: CloseAction.DoNotRestart, handled: true };
        }
        this.log.warn(`the server ended by itself; starting it again in ${delay} ms`);
        this.status.starting();
        await sleep(delay);
        return { action: CloseAction.Restart, handled: true };
      },
    };
  }

  #report(error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    const advice = error instanceof ServerProblem ? error.advice : "The log says more.";
    this.log.error(`${message} ${advice}`);
    this.status.failed(message);
    const actions = {
      "Open Setting": () =>
        vscode.commands.executeCommand("workbench.action.openSettings", "cabhfuil.server.path"),
      "Show Log": () => {
        this.log.show();
      },
      "Try Again": () => this.restart(),
    };
    void vscode.window
      .showErrorMessage(`${message} ${advice}`, ...Object.keys(actions))
      .then((chosen) => chosen && actions[chosen as keyof typeof actions]());
  }
}
