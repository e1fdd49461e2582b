import { spawn, type ChildProcess } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import type * as vscode from "vscode";
import {
  CloseAction,
  CodeLensRefreshRequest,
  CodeLensRequest,
  CodeLensResolveRequest,
  ErrorAction,
  ExecuteCommandRequest,
  LanguageClient,
  RevealOutputChannelOn,
  State,
  type ClientCapabilities,
  type DynamicFeature,
  type ErrorHandler,
  type FeatureState,
  type LanguageClientOptions,
  type Middleware,
  type StaticFeature,
} from "vscode-languageclient/node";
import type { Progress } from "./health";
import { hoverMiddleware } from "./hover";
import { withDeclarations } from "./lenses";
import type { LensSource } from "./lensProvider";
import { plainMiddleware } from "./plain";
import { documentSelector } from "./selector";
import { ServerProblem } from "./server";
import { text, withoutIcons } from "./text";

type ProgressHandler = NonNullable<Middleware["handleWorkDoneProgress"]>;
type ProgressParams = Parameters<ProgressHandler>[1];

/** How long a server may take until it answers for the first time. */
const answerMs = 30_000;

/** How long a server that was asked to end may take to do so. */
const leaveMs = 2_000;

/** How long it may take until it is known that a server ended. */
const endMs = 500;

/** What happens to a server, for whoever started it. */
export interface Listener {
  /** It runs, and answers. */
  running(): void;
  /** Its lenses may be others now. */
  lensesChange(): void;
  /** An operation goes on; its token tells it from others. It is over without a change. */
  progress(token: string | number, change: Partial<Progress> | undefined): void;
  /** It ended by itself. Another client may be started in its place; this one is not. */
  ended(): void;
}

/** What goes wrong is in the log; whoever started the server tells the rest. */
class QuietClient extends LanguageClient {
  override error(message: string, data?: unknown): void {
    super.error(message, data, false);
  }

  /** Lenses have a provider of ours, which is there before the client is. */
  override registerFeature(feature: StaticFeature | DynamicFeature<unknown>): void {
    if (
      !("registrationType" in feature) ||
      feature.registrationType.method !== CodeLensRequest.method
    ) {
      super.registerFeature(feature);
    }
  }
}

/** What is said to a server of lenses, and what it may ask, as the client's own feature has it. */
class LensFeature implements StaticFeature {
  constructor(
    private readonly client: LanguageClient,
    private readonly again: () => void,
  ) {}

  fillClientCapabilities(capabilities: ClientCapabilities): void {
    capabilities.textDocument = {
      ...capabilities.textDocument,
      codeLens: { resolveSupport: { properties: ["command"] } },
    };
    capabilities.workspace = { ...capabilities.workspace, codeLens: { refreshSupport: true } };
  }

  initialize(): void {
    this.client.onRequest(CodeLensRefreshRequest.type, () => {
      this.again();
    });
  }

  getState(): FeatureState {
    return { kind: "static" };
  }

  clear(): void {
    // The client forgets its handlers by itself.
  }
}

/**
 * A server's process and the conversation with it. Nothing but a session imports
 * this module, and only once it needs it: to load a language client is most of what
 * an activation could cost.
 */
export class Client {
  readonly #client: LanguageClient;
  readonly #log: vscode.LogOutputChannel;
  #process: ChildProcess | undefined;
  /** It ended, or is to end. */
  #over = false;
  readonly #ended: Promise<void>;
  #end!: () => void;
  /** Its lenses. They can be asked for while it runs. */
  readonly lenses: LensSource;

  constructor(
    private readonly program: string,
    private readonly listener: Listener,
    log: vscode.LogOutputChannel,
    trace: vscode.LogOutputChannel,
  ) {
    this.#log = log;
    this.#ended = new Promise((resolve) => (this.#end = resolve));
    this.#client = new QuietClient(
      "cabhfuil",
      "Cá Bhfuil",
      () => this.#spawn(),
      this.#options(log, trace),
    );
    const again = (): void => {
      listener.lensesChange();
    };
    this.#client.registerFeature(new LensFeature(this.#client, again));
    this.lenses = withDeclarations(
      this.#lenses(),
      (command, argument, token) => this.ask(command, argument, token),
      again,
    );
    this.#client.onDidChangeState(({ newState }) => {
      if (newState === State.Running && !this.#over) {
        listener.running();
      }
    });
  }

  get isRunning(): boolean {
    return !this.#over && this.#client.state === State.Running;
  }

  /**
   * Starts the server. Throws where that cannot be done, and where it does not
   * answer; that it ended, or was stopped meanwhile, is no error here.
   */
  async start(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => {
        reject(
          new ServerProblem(
            text("The Cá Bhfuil server does not answer."),
            text("Its log may say why."),
            "log",
          ),
        );
      }, answerMs);
    });
    try {
      await Promise.race([this.#client.start(), this.#ended, late]);
    } catch (error) {
      // One that ended makes other things fail before that is known.
      await Promise.race([this.#ended, sleep(endMs)]);
      if (!this.#over) {
        this.#kill();
        throw error;
      }
    } finally {
      clearTimeout(timer);
    }
  }

  /** Ends the server: one that answers is asked to, and any other is killed. */
  async stop(): Promise<void> {
    const answers = this.isRunning;
    this.#over = true;
    if (answers) {
      try {
        await this.#client.stop();
        setTimeout(() => {
          this.#kill();
        }, leaveMs).unref();
        return;
      } catch (error) {
        this.#log.warn(error instanceof Error ? error.message : String(error));
      }
    }
    this.#kill();
  }

  #hasEnded(): void {
    if (!this.#over) {
      this.#over = true;
      this.listener.ended();
    }
    this.#end();
  }

  #kill(): void {
    this.#over = true;
    this.#process?.kill("SIGKILL");
    this.#end();
  }

  /**
   * Runs the program. The client could do so itself, but then kills a server that
   * hangs late, and one that never answered not at all.
   */
  #spawn(): Promise<ChildProcess> {
    if (this.#over) {
      return Promise.reject(new Error("the server was stopped before it was started"));
    }
    const child = spawn(this.program, ["--stdio"], { windowsHide: true });
    this.#process = child;
    child.on("exit", (code, signal) => {
      this.#log.info(`the server's process ended: ${signal ?? `exit code ${code}`}`);
      // Whoever holds its output keeps the client from seeing the end.
      child.stdout.destroy();
      this.#hasEnded();
    });
    return new Promise((resolve, reject) => {
      child.on("error", (error) => {
        this.#log.error(error.message);
        reject(error);
      });
      child.once("spawn", () => {
        resolve(child);
      });
    });
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
        ...plainMiddleware,
        ...hoverMiddleware((command, argument, token) => this.ask(command, argument, token)),
        handleWorkDoneProgress: (token, params, next) => {
          this.#progress(token, params);
          next(token, params);
        },
      },
      markdown: { isTrusted: false, supportHtml: false },
    };
  }

  #lenses(): LensSource {
    const client = this.#client;
    return {
      async lenses(document, token) {
        const params = client.code2ProtocolConverter.asCodeLensParams(document);
        try {
          const found = await client.sendRequest(CodeLensRequest.type, params, token);
          return await client.protocol2CodeConverter.asCodeLenses(found, token);
        } catch (error) {
          return client.handleFailedRequest(CodeLensRequest.type, token, error, null);
        }
      },
      async resolve(lens, token) {
        const params = client.code2ProtocolConverter.asCodeLens(lens);
        try {
          const resolved = await client.sendRequest(CodeLensResolveRequest.type, params, token);
          return client.protocol2CodeConverter.asCodeLens(resolved);
        } catch (error) {
          return client.handleFailedRequest(CodeLensResolveRequest.type, token, error, lens);
        }
      },
    };
  }

  #progress(token: string | number, params: ProgressParams): void {
    // The editor draws these in the status bar, where a repository's name could draw icons.
    if (params.kind !== "end" && params.message !== undefined) {
      params.message = withoutIcons(params.message);
    }
    switch (params.kind) {
      case "begin":
        this.listener.progress(token, { title: params.title });
        params.title = withoutIcons(params.title);
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
      closed: () => {
        this.#hasEnded();
        return { action: CloseAction.DoNotRestart, handled: true };
      },
    };
  }
}
