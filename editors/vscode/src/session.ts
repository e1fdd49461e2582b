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
  type Middleware,
} from "vscode-languageclient/node";
import { hoverMiddleware } from "./hover";
import { lensMiddleware } from "./lenses";
import { Restarts } from "./restarts";
import { findServer, ServerProblem } from "./server";
import type { Status } from "./status";
import { text } from "./text";
import { translated } from "./translated";

type ProgressHandler = NonNullable<Middleware["handleWorkDoneProgress"]>;
type ProgressToken = Parameters<ProgressHandler>[0];
type ProgressParams = Parameters<ProgressHandler>[1];

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
  /** Answers may be others now. */
  readonly onFresh: vscode.Event<void>;

  constructor(
    private readonly context: vscode.ExtensionContext,
    private readonly log: vscode.LogOutputChannel,
    private readonly status: Status,
  ) {
    this.onFresh = status.onFresh;
  }

  get isRunning(): boolean {
    return this.#client?.state === State.Running;
  }

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
      throw new Error(vscode.l10n.t("The Cá Bhfuil server is not running."));
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
    this.status.serverIs({ state: "starting" });
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
        const { version } = server;
        this.status.serverIs({ state: "running", version }, (command, argument) =>
          this.ask(command, argument),
        );
      } else if (newState === State.Starting) {
        this.status.serverIs({ state: "starting" });
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
    this.status.serverIs({ state: "stopped" });
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
      middleware: {
        ...hoverMiddleware,
        ...lensMiddleware((command, argument, token) => this.ask(command, argument, token)),
        handleWorkDoneProgress: (token, params, next) => {
          this.#progress(token, params);
          next(token, params);
        },
      },
      markdown: { isTrusted: false, supportHtml: false },
    };
  }

  #progress(token: ProgressToken, params: ProgressParams): void {
    switch (params.kind) {
      case "begin":
        this.status.progress(token, { title: params.title });
        break;
      case "report":
        this.status.progress(token, { percentage: params.percentage });
        break;
      case "end":
        this.status.progress(token, undefined);
    }
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
              text("The Cá Bhfuil server ended several times in a row and stays down."),
              text("Its log may say why."),
            ),
          );
          return { action: CloseAction.DoNotRestart, handled: true };
        }
        this.log.warn(`the server ended by itself; starting it again in ${delay} ms`);
        this.status.serverIs({ state: "starting" });
        await sleep(delay);
        return { action: CloseAction.Restart, handled: true };
      },
    };
  }

  #report(error: unknown): void {
    const known = error instanceof ServerProblem;
    const message = known
      ? translated(error.problem)
      : error instanceof Error
        ? error.message
        : String(error);
    const advice = known ? translated(error.advice) : vscode.l10n.t("The log says more.");
    this.log.error(`${message} ${advice}`);
    this.status.serverIs({ state: "failed", why: message });
    const actions = new Map<string, () => unknown>([
      [
        vscode.l10n.t("Open Setting"),
        () =>
          vscode.commands.executeCommand("workbench.action.openSettings", "cabhfuil.server.path"),
      ],
      [
        vscode.l10n.t("Show Log"),
        () => {
          this.log.show();
        },
      ],
      [vscode.l10n.t("Try Again"), () => this.restart()],
    ]);
    void vscode.window
      .showErrorMessage(`${message} ${advice}`, ...actions.keys())
      .then((chosen) => chosen !== undefined && actions.get(chosen)?.());
  }
}
