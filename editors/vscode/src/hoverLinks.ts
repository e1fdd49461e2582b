// The line of commands below a hover. It is the only text that the editor may
// run commands from, so it holds nothing that a repository could have written:
// fixed words, hex digits that were checked, and an encoded URI.

import { isSha } from "./answers";

export const commandIds = {
  showCommit: "cabhfuil-vscode.showCommit",
  copySha: "cabhfuil-vscode.copySha",
  copyFixes: "cabhfuil-vscode.copyFixes",
} as const;

/** What the commands of a hover, a menu or a keybinding take. */
export interface CommitTarget {
  readonly sha: string;
  /** The document that names the commit: its repository is asked first. */
  readonly uri?: string;
  /** The repository, where it is known already. */
  readonly repository?: string;
}

/** The Markdown of the commands for a commit; undefined when the word is no SHA. */
export function hoverLinks(sha: string, uri: string): string | undefined {
  if (!isSha(sha)) {
    return undefined;
  }
  const target: CommitTarget = { sha, uri };
  return [
    commandLink("Show commit", commandIds.showCommit, target),
    commandLink("Copy SHA", commandIds.copySha, target),
    commandLink("Copy as Fixes: line", commandIds.copyFixes, target),
  ].join(" · ");
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
