import { setTimeout as sleep } from "node:timers/promises";
import type * as vscode from "vscode";
import {
  CloseAction,
  CodeLensRequest,
  ErrorAction,
  ExecuteCommandRequest,
  LanguageClient,
  RevealOutputChannelOn,
  State,
  type ErrorHandler,
  type LanguageClientOptions,
  type Middleware,
} from "vscode-languageclient/node";
import type { Progress } from "./health";
import { hoverMiddleware } from "./hover";
import { lensMiddleware } from "./lenses";

type ProgressHandler = NonNullable<Middleware["handleWorkDoneProgress"]>;
type ProgressParams = Parameters<ProgressHandler>[1];

/** Commits are named anywhere, so every text document takes part, whatever its language. */
const documentSelector = ["file", "untitled", "git", "cabhfuil"].map((scheme) => ({ scheme }));

/** What happens to a server, for whoever started it. */
export interface Listener {
  /** It runs, and answers. */
  running(): void;
  /** It is being started, again too. */
  starting(): void;
  /** An operation goes on; its token tells it from others. It is over without a change. */
  progress(token: string | number, change: Partial<Progress> | undefined): void;
  /** It ended by itself: how long to wait before it is started again, in milliseconds; undefined when it stays down. */
  ended(): number | undefined;
}

/**
 * A server's process and the conversation with it. Nothing but a session imports
 * this module, and only once it needs it: to load a language client is most of what
 * an activation could cost.
 */
export class Client {
  readonly #client: LanguageClient;

  constructor(
    program: string,
    private readonly listener: Listener,
    log: vscode.LogOutputChannel,
    trace: vscode.LogOutputChannel,
  ) {
    const executable = { command: program, args: ["--stdio"] };
    this.#client = new LanguageClient(
      "cabhfuil",
      "Cá Bhfuil",
      executable,
      this.#options(log, trace),
    );
    this.#client.onDidChangeState(({ newState }) => {
      if (newState === State.Running) {
        listener.running();
      } else if (newState === State.Starting) {
        listener.starting();
      }
    });
  }

  get isRunning(): boolean {
    return this.#client.state === State.Running;
  }

  start(): Promise<void> {
    return this.#client.start();
  }

  async stop(): Promise<void> {
    // A client whose start failed cannot be stopped and holds no process.
    if (this.#client.needsStop()) {
      await this.#client.stop();
    }
  }

  /** Asks one of the server's commands. */
  async ask(command: string, argument: object, token?: vscode.CancellationToken): Promise<unknown> {
    const params = { command, arguments: [argument] };
    return (await this.#client.sendRequest(ExecuteCommandRequest.type, params, token)) as unknown;
  }

  #options(log: vscode.LogOutputChannel, trace: vscode.LogOutputChannel): LanguageClientOptions {
    return {
      documentSelector,
      outputChannel: log,
      traceOutputChannel: trace,
      // A failed request is in the log; a pop-up for each hover would be noise.
      revealOutputChannelOn: RevealOutputChannelOn.Never,
      initializationFailedHandler: () => false,
      errorHandler: this.#errorHandler(),
      middleware: {
        ...hoverMiddleware,
        ...lensMiddleware(
          (command, argument, token) => this.ask(command, argument, token),
          (document) => {
            this.#lensesAgain(document);
          },
        ),
        handleWorkDoneProgress: (token, params, next) => {
          this.#progress(token, params);
          next(token, params);
        },
      },
      markdown: { isTrusted: false, supportHtml: false },
    };
  }

  /** Has the editor ask for the lenses of a document again. */
  #lensesAgain(document: vscode.TextDocument): void {
    const feature = this.#client.getFeature(CodeLensRequest.method);
    feature.getProvider(document)?.onDidChangeCodeLensEmitter.fire();
  }

  #progress(token: string | number, params: ProgressParams): void {
    switch (params.kind) {
      case "begin":
        this.listener.progress(token, { title: params.title });
        break;
      case "report":
        this.listener.progress(token, { percentage: params.percentage });
        break;
      case "end":
        this.listener.progress(token, undefined);
    }
  }

  #errorHandler(): ErrorHandler {
    return {
      error: (_error, _message, count) => ({
        action: count !== undefined && count <= 3 ? ErrorAction.Continue : ErrorAction.Shutdown,
        handled: true,
      }),
      closed: async () => {
        const delay = this.listener.ended();
        if (delay === undefined) {
          return { action: CloseAction.DoNotRestart, handled: true };
        }
        await sleep(delay);
        return { action: CloseAction.Restart, handled: true };
      },
    };
  }
}
