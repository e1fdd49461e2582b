// What the tree of missing changes shows: filters, and groups by need. Knows
// nothing of the editor.

import type { ChangeAnswer, MissingAnswer } from "./answers";

/** What the server is asked to leave out, and what of its answer is shown. */
export interface Filters {
  readonly needed: boolean;
  readonly security: boolean;
  /** A date as searches take it; empty for all. */
  readonly since: string;
  /** Words that the subject, the author or the SHA has; empty for all. */
  readonly words: string;
}

export const noFilters: Filters = { needed: false, security: false, since: "", words: "" };

export interface Group {
  readonly needed: boolean;
  readonly changes: readonly ChangeAnswer[];
}

/** The groups that have something in them, what is needed first. */
export function groups(missing: MissingAnswer, words: string): Group[] {
  const wanted = words
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== "");
  const kept = missing.changes.filter((change) => {
    const said = `${change.subject} ${change.author} ${change.sha}`.toLowerCase();
    return wanted.every((word) => said.includes(word));
  });
  return [true, false]
    .map((needed) => ({ needed, changes: kept.filter((change) => change.needed === needed) }))
    .filter(({ changes }) => changes.length > 0);
}
