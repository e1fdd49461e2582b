import { homedir } from "node:os";
import * as vscode from "vscode";
import { statusIn, tasksIn, type StatusAnswer, type TaskAnswer } from "./answers";
import { belowHome, repositoryState, shown, type Progress, type Server } from "./health";
import type { Session } from "./session";
import { soon } from "./soon";
import { counted, oneLine, text, withoutIcons } from "./text";
import { translated } from "./translated";

/** How often the server is asked how it is, while the window has the focus. */
const lookMs = 30_000;
/** How long to wait after an operation ended: others often end with it. */
const restMs = 300;
/** How long the server may take to say how it is, before it is told that it does not. */
const silentMs = 15_000;
/** How long the menu waits for what the server says. */
const menuMs = 2_000;

/** The item in the status bar: how the server is, and a menu. */
export class Status implements vscode.Disposable {
  readonly #item = vscode.window.createStatusBarItem(
    "cabhfuil-vscode.status",
    vscode.StatusBarAlignment.Left,
    -10,
  );
  readonly #running = new Map<string, Progress>();
  readonly #fresh = new vscode.EventEmitter<void>();
  /** An operation of the server's ended: answers may be others now. */
  readonly onFresh = this.#fresh.event;
  #server: Server = { state: "stopped" };
  #status: StatusAnswer | undefined;
  /** It has been asked how it is, and says nothing. */
  #silent = false;
  #ask: ((command: string, argument: object) => Promise<unknown>) | undefined;
  #rest: NodeJS.Timeout | undefined;
  readonly #look = setInterval(() => {
    if (vscode.window.state.focused) {
      void this.refresh();
    }
  }, lookMs);

  constructor() {
    this.#item.name = "Cá Bhfuil";
    this.#item.command = "cabhfuil-vscode.menu";
    this.#draw();
    this.#item.show();
  }

  dispose(): void {
    clearTimeout(this.#rest);
    clearInterval(this.#look);
    this.#fresh.dispose();
    this.#item.dispose();
  }

  /** The server is in another state; ask answers its commands while it runs. */
  serverIs(server: Server, ask?: (command: string, argument: object) => Promise<unknown>): void {
    this.#server = server;
    this.#ask = ask;
    this.#silent = false;
    // The views say so then, instead of what can be done with them.
    void vscode.commands.executeCommand(
      "setContext",
      "cabhfuil-vscode.failed",
      server.state === "failed",
    );
    if (server.state !== "running") {
      this.#running.clear();
      this.#status = undefined;
    }
    this.#draw();
    this.#soon();
  }

  /** An operation of the server's goes on; its token tells it from others. */
  progress(token: string | number, change: Partial<Progress> | undefined): void {
    const key = String(token);
    if (change === undefined) {
      this.#running.delete(key);
      this.#soon();
    } else {
      const before = this.#running.get(key) ?? { title: "", percentage: undefined };
      this.#running.set(key, { ...before, ...change });
    }
    this.#draw();
  }

  /** Asks the server how it is. */
  async refresh(): Promise<void> {
    const ask = this.#ask;
    if (ask === undefined) {
      return;
    }
    const late = setTimeout(() => {
      if (this.#ask === ask) {
        this.#silent = true;
        this.#draw();
      }
    }, silentMs);
    try {
      const status = statusIn(await ask("cabhfuil.status", {}));
      if (this.#ask === ask) {
        this.#status = status;
        this.#silent = false;
        this.#draw();
      }
    } catch {
      // It may have ended meanwhile, which shows itself.
    } finally {
      clearTimeout(late);
    }
  }

  #soon(): void {
    clearTimeout(this.#rest);
    this.#rest = setTimeout(() => {
      this.#fresh.fire();
      void this.refresh();
    }, restMs);
  }

  #draw(): void {
    const { icon, label, tooltip, level } = shown(
      this.#server,
      [...this.#running.values()],
      this.#status,
      this.#silent,
    );
    const said = translated(label);
    const more = tooltip.map((line) => oneLine(translated(line)));
    this.#item.text = `$(${icon}) ${said}`;
    // Not Markdown: a reason may quote a repository.
    this.#item.tooltip = [said, ...more].join("\n");
    this.#item.accessibilityInformation = { label: [said, ...more].join(", "), role: "button" };
    this.#item.backgroundColor =
      level === "quiet" ? undefined : new vscode.ThemeColor(`statusBarItem.${level}Background`);
  }

  /** The menu of the item: what is wrong, what goes on, the repositories, and what to do. */
  async menu(session: Session): Promise<void> {
    // It is needed most where the server hangs.
    const tasks = session.isRunning ? runningTasks(session) : Promise.resolve([]);
    const running = await soon(
      this.refresh().then(() => tasks),
      menuMs,
    );
    const pick = vscode.window.createQuickPick<Entry>();
    pick.title = "Cá Bhfuil";
    pick.placeholder = vscode.l10n.t("Choose what to do");
    pick.matchOnDescription = true;
    pick.matchOnDetail = true;
    pick.items = [
      ...(running === undefined ? [silent()] : this.#state()),
      ...taskEntries(running ?? []),
      ...actions(session.isRunning),
    ];
    pick.onDidTriggerItemButton(({ item }) => {
      pick.items = pick.items.filter((other) => other !== item);
      void item.cancel?.(session);
    });
    pick.onDidAccept(() => {
      const chosen = pick.selectedItems[0];
      pick.hide();
      if (chosen?.command !== undefined) {
        void vscode.commands.executeCommand(chosen.command, ...(chosen.arguments ?? []));
      }
    });
    pick.onDidHide(() => {
      pick.dispose();
    });
    pick.show();
  }

  #state(): Entry[] {
    const server = this.#server;
    if (server.state === "failed") {
      return [
        {
          label: `$(error) ${withoutIcons(server.why)}`,
          description: vscode.l10n.t("show the log"),
          command: "cabhfuil-vscode.showLog",
        },
      ];
    }
    const status = this.#status;
    if (status === undefined) {
      return [];
    }
    return [
      ...status.reasons.map((reason): Entry => ({
        label: `$(warning) ${withoutIcons(reason)}`,
        description: vscode.l10n.t("show the log"),
        command: "cabhfuil-vscode.showLog",
      })),
      separator(vscode.l10n.t("Repositories")),
      ...status.repositories.map((repository): Entry => ({
        label: `$(repo) ${withoutIcons(repository.name)}`,
        description: [
          translated(repositoryState(repository.state)),
          translated(counted.commits(repository.commits)),
          translated(counted.lines(repository.lines)),
          ...(repository.pending > 0
            ? [translated(text("{0} to be indexed", repository.pending))]
            : []),
        ].join(" · "),
        detail: withoutIcons(belowHome(repository.path, homedir())),
        command: "cabhfuil-vscode.showMissing",
        arguments: [{ repository: repository.name }],
      })),
    ];
  }
}

interface Entry extends vscode.QuickPickItem {
  readonly command?: string;
  readonly arguments?: readonly unknown[];
  readonly cancel?: (session: Session) => Promise<unknown>;
}

function separator(label: string): Entry {
  return { label, kind: vscode.QuickPickItemKind.Separator };
}

function silent(): Entry {
  return {
    label: `$(warning) ${vscode.l10n.t("The server does not answer.")}`,
    description: vscode.l10n.t("restart it"),
    command: "cabhfuil-vscode.restart",
  };
}

async function runningTasks(session: Session): Promise<TaskAnswer[]> {
  try {
    return tasksIn(await session.ask("cabhfuil.tasks", { action: "list", state: "running" }));
  } catch {
    return []; // the menu is there for what does not work, too
  }
}

function taskEntries(tasks: readonly TaskAnswer[]): Entry[] {
  if (tasks.length === 0) {
    return [];
  }
  return [
    separator(vscode.l10n.t("Running")),
    ...tasks.map((task): Entry => ({
      label: `$(sync) ${withoutIcons(task.title)}`,
      description: [
        withoutIcons(task.repository),
        task.total > 0
          ? translated(text("{0} of {1}", task.done, task.total))
          : withoutIcons(task.message),
      ]
        .filter((part) => part !== "")
        .join(" · "),
      buttons: [{ iconPath: new vscode.ThemeIcon("debug-stop"), tooltip: vscode.l10n.t("Cancel") }],
      cancel: async (session) => {
        try {
          await session.ask("cabhfuil.tasks", { action: "cancel", id: task.id });
        } catch {
          // It has ended already.
        }
      },
    })),
  ];
}

function actions(running: boolean): Entry[] {
  const whenRunning: Entry[] = [
    {
      label: `$(search) ${vscode.l10n.t("Search Commits")}`,
      command: "cabhfuil-vscode.search",
    },
    {
      label: `$(checklist) ${vscode.l10n.t("Show What a Line Lacks")}`,
      command: "cabhfuil-vscode.showMissing",
    },
    {
      label: `$(refresh) ${vscode.l10n.t("Index the Repositories Again")}`,
      command: "cabhfuil-vscode.reindex",
    },
  ];
  return [
    separator(vscode.l10n.t("Actions")),
    ...(running ? whenRunning : []),
    {
      label: `$(server-process) ${vscode.l10n.t("Restart Server")}`,
      command: "cabhfuil-vscode.restart",
    },
    { label: `$(output) ${vscode.l10n.t("Show Log")}`, command: "cabhfuil-vscode.showLog" },
    {
      label: `$(settings-gear) ${vscode.l10n.t("Settings")}`,
      command: "workbench.action.openSettings",
      arguments: ["@ext:cabhfuil.cabhfuil"],
    },
  ];
}
