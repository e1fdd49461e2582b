// What the item in the status bar says. Knows nothing of the editor.

import type { StatusAnswer } from "./answers";
import { text, type Text } from "./text";

/** A running operation of the server's, as its progress tells. */
export interface Progress {
  readonly title: string;
  readonly percentage: number | undefined;
}

export type Server =
  | { readonly state: "stopped" | "starting" }
  | { readonly state: "failed"; readonly why: string }
  | { readonly state: "running"; readonly version: string };

export interface Shown {
  readonly icon: string;
  readonly label: Text;
  readonly tooltip: readonly Text[];
  readonly level: "quiet" | "warning" | "error";
}

/**
 * The item's look: what is wrong comes before what goes on, and while all is well
 * it is quiet.
 */
export function shown(
  server: Server,
  running: readonly Progress[],
  status: StatusAnswer | undefined,
  silent = false,
): Shown {
  const name = text("Cá Bhfuil");
  switch (server.state) {
    case "stopped":
      return { icon: "circle-slash", label: name, tooltip: [text("stopped")], level: "quiet" };
    case "starting":
      return { icon: "sync~spin", label: name, tooltip: [text("starting")], level: "quiet" };
    case "failed":
      return { icon: "error", label: name, tooltip: [text("{0}", server.why)], level: "error" };
    case "running":
  }
  if (silent) {
    const tooltip = [text("The server does not answer.")];
    return { icon: "warning", label: name, tooltip, level: "warning" };
  }
  const reasons = (status?.reasons ?? []).map((reason) => text("{0}", reason));
  if (status !== undefined && status.health !== "ok") {
    const level = status.health === "failing" ? "error" : "warning";
    return { icon: "warning", label: name, tooltip: reasons, level };
  }
  if (running.length > 0) {
    const percent = percentOf(running);
    return {
      icon: "sync~spin",
      label: percent === undefined ? name : text("Cá Bhfuil {0} %", percent),
      tooltip: running.map(({ title, percentage }) =>
        percentage === undefined ? text("{0}", title) : text("{0}: {1} %", title, percentage),
      ),
      level: "quiet",
    };
  }
  return { icon: "git-commit", label: name, tooltip: [fresh(status)], level: "quiet" };
}

function fresh(status: StatusAnswer | undefined): Text {
  const commits = status?.repositories.reduce((sum, { commits }) => sum + commits, 0) ?? 0;
  switch (commits) {
    case 0:
      return text("no repository is open");
    case 1:
      return text("1 commit, up to date");
  }
  return text("{0} commits, up to date", commits);
}

/** How far all that tells how far it is has come; undefined where nothing does. */
export function percentOf(running: readonly Progress[]): number | undefined {
  const told = running.flatMap(({ percentage }) => (percentage === undefined ? [] : [percentage]));
  return told.length === 0
    ? undefined
    : Math.floor(told.reduce((sum, percentage) => sum + percentage, 0) / told.length);
}

const states: Record<string, Text> = {
  reading: text("reading commits"),
  indexing: text("indexing words"),
  ready: text("up to date"),
  stopped: text("indexing was cancelled"),
  error: text("cannot be read"),
};

/** A repository's state, in words. */
export function repositoryState(state: string): Text {
  return states[state] ?? text("{0}", state);
}

/** A path as people write it: the home folder is `~`. */
export function belowHome(path: string, home: string): string {
  const rest = path.slice(home.length);
  return home !== "" && path.startsWith(home) && /^(?:$|[\\/])/.test(rest) ? `~${rest}` : path;
}
