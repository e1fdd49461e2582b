import { homedir } from "node:os";
import { setImmediate as nextTurn } from "node:timers/promises";
import * as vscode from "vscode";
import type { Client, Listener } from "./client";
import { LensProvider, type LensSource } from "./lensProvider";
import { Restarts } from "./restarts";
import { findServer, ServerProblem } from "./server";
import type { Status } from "./status";
import { text, withoutLinks } from "./text";
import { traceChannel } from "./trace";
import { translated } from "./translated";

/** The window's one server: finds it, starts it, starts it again, ends it. */
export class Session implements vscode.Disposable {
  #client: Client | undefined;
  /** The next start of a server that ended. */
  #again: NodeJS.Timeout | undefined;
  /** Starts and stops run one after another: two at once would leave a process behind. */
  #queue: Promise<void> = Promise.resolve();
  readonly #restarts = new Restarts();
  readonly #trace = traceChannel();
  readonly #lenses = new LensProvider();
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
    return this.#client?.isRunning === true;
  }

  /** Starts the server, or starts it anew. Problems are shown, not thrown. */
  restart(): Promise<void> {
    this.#restarts.reset();
    this.#interrupt();
    return this.#enqueue(async () => {
      this.#lenses.expect();
      await this.#stop();
      await this.#start();
    });
  }

  stop(): Promise<void> {
    this.#interrupt();
    return this.#enqueue(async () => {
      this.#lenses.use(undefined);
      await this.#stop();
    });
  }

  dispose(): void {
    this.#trace.dispose();
    this.#lenses.dispose();
  }

  /** Asks one of the server's commands. */
  async ask(command: string, argument: object, token?: vscode.CancellationToken): Promise<unknown> {
    const client = this.#client;
    if (client?.isRunning !== true) {
      throw new Error(vscode.l10n.t("The Cá Bhfuil server is not running."));
    }
    return await client.ask(command, argument, token);
  }

  /** Ends waiting for a server that has not answered yet: what comes next would wait, too. */
  #interrupt(): void {
    clearTimeout(this.#again);
    if (this.#client?.isRunning === false) {
      void this.#client.stop();
    }
  }

  #enqueue(work: () => Promise<void>): Promise<void> {
    this.#queue = this.#queue.then(work).catch((error: unknown) => {
      this.#report(error);
    });
    return this.#queue;
  }

  async #start(): Promise<void> {
    this.#starts();
    // The language client is loaded while the program tells its version, and in a
    // turn of its own: an activation is over before.
    const [server, { Client }] = await Promise.all([
      findServer({
        setting: vscode.workspace.getConfiguration("cabhfuil.server").get("path", ""),
        extensionPath: this.context.extensionPath,
        home: homedir(),
        searchPath: process.env.PATH ?? "",
        windows: process.platform === "win32",
      }),
      nextTurn().then(() => import("./client")),
    ]);
    this.log.info(`server ${server.version} (${server.origin}): ${server.path}`);
    const listener = this.#listener(server.version, () => client.lenses);
    const client = new Client(server.path, listener, this.log, this.#trace);
    this.#client = client;
    await client.start();
  }

  /** A server is being started, or will be. */
  #starts(): void {
    this.status.serverIs({ state: "starting" });
    this.#lenses.expect();
  }

  async #stop(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    await client?.stop();
    this.status.serverIs({ state: "stopped" });
  }

  #listener(version: string, lenses: () => LensSource): Listener {
    return {
      running: () => {
        this.#lenses.use(lenses());
        this.status.serverIs({ state: "running", version }, (command, argument) =>
          this.ask(command, argument),
        );
      },
      lensesChange: () => {
        this.#lenses.again();
      },
      progress: (token, change) => {
        this.status.progress(token, change);
      },
      ended: () => {
        this.#client = undefined;
        const delay = this.#restarts.ended(Date.now());
        if (delay === undefined) {
          this.#report(
            new ServerProblem(
              text("The Cá Bhfuil server ended several times in a row and stays down."),
              text("Its log may say why."),
              "log",
            ),
          );
          return;
        }
        this.log.warn(`the server ended by itself; starting it again in ${delay} ms`);
        this.#starts();
        this.#again = setTimeout(() => void this.#enqueue(() => this.#start()), delay);
      },
    };
  }

  #report(error: unknown): void {
    const known = error instanceof ServerProblem;
    const message = known
      ? translated(error.problem)
      : vscode.l10n.t(
          "The Cá Bhfuil server could not be started: {0}.",
          error instanceof Error ? error.message : String(error),
        );
    const advice = known ? translated(error.advice) : vscode.l10n.t("The log says more.");
    this.log.error(`${message} ${advice}`);
    this.status.serverIs({ state: "failed", why: message });
    this.#lenses.use(undefined);
    const setting = vscode.l10n.t("Open Setting");
    const log = vscode.l10n.t("Show Log");
    const again = vscode.l10n.t("Try Again");
    const actions = new Map<string, () => unknown>([
      [
        setting,
        () =>
          vscode.commands.executeCommand("workbench.action.openSettings", "cabhfuil.server.path"),
      ],
      [
        log,
        () => {
          this.log.show();
        },
      ],
      [again, () => this.restart()],
    ]);
    const offered = known && error.look === "setting" ? [setting, log, again] : [again, log];
    void vscode.window
      .showErrorMessage(withoutLinks(`${message} ${advice}`), ...offered)
      .then((chosen) => chosen !== undefined && actions.get(chosen)?.());
  }
}
