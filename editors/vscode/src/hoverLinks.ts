// The line of commands below a hover. It is the only text that the editor may
// run commands from, so it holds nothing that a repository could have written:
// our own words, hex digits that were checked, and encoded names.

import { isSha } from "./answers";

/** The commands below a hover. The page of the forge is linked by the server itself. */
export const commandIds = {
  showCommit: "cabhfuil-vscode.showCommit",
  copySha: "cabhfuil-vscode.copySha",
  copyFixes: "cabhfuil-vscode.copyFixes",
  compareLines: "cabhfuil-vscode.compareLines",
} as const;

/** What the commands of a hover, a menu or a keybinding take. */
export interface CommitTarget {
  readonly sha: string;
  /** The document that names the commit: its repository is asked first. */
  readonly uri?: string;
  /** The repository, where it is known already. */
  readonly repository?: string;
}

/** The words of the links, by command. */
export type LinkTitles = Readonly<Record<keyof typeof commandIds, string>>;

/**
 * The Markdown of the commands for a commit, but those left out; undefined when its
 * word is no SHA.
 */
export function hoverLinks(
  target: CommitTarget,
  titles: LinkTitles,
  without: readonly (keyof typeof commandIds)[] = [],
): string | undefined {
  if (!isSha(target.sha)) {
    return undefined;
  }
  return (Object.keys(commandIds) as (keyof typeof commandIds)[])
    .filter((name) => !without.includes(name))
    .map((name) => commandLink(titles[name], commandIds[name], target))
    .join(" · ");
}

function commandLink(title: string, command: string, target: CommitTarget): string {
  return `[${title}](command:${command}?${encode(JSON.stringify([target]))})`;
}

/** encodeURIComponent leaves marks alone that end or format a Markdown link. */
function encode(text: string): string {
  return encodeURIComponent(text).replace(
    /[()!'*~_]/g,
    (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
