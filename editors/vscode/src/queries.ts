// The queries that were asked before, and what a query can be made of. Knows
// nothing of the editor.

import { text, type Text } from "./text";

/** How many queries are remembered. */
const kept = 20;

/** The queries after one more was asked, the newest first and each once. */
export function remembered(queries: readonly string[], query: string): string[] {
  const asked = query.trim();
  return asked === ""
    ? [...queries]
    : [asked, ...queries.filter((other) => other !== asked)].slice(0, kept);
}

/** The queries in what was stored, which another version may have written. */
export function stored(value: unknown): string[] {
  return Array.isArray(value)
    ? value.filter((query): query is string => typeof query === "string").slice(0, kept)
    : [];
}

export interface Operator {
  readonly write: string;
  readonly matches: Text;
}

/** The search syntax, as docs/search.md has it. */
export const operators: readonly Operator[] = [
  { write: "author:", matches: text("name or address of the author; @me is you") },
  { write: "after:", matches: text("a date, or “2 weeks ago”; also before:") },
  { write: "in:", matches: text("what a line has, under whatever SHA") },
  { write: "missing:", matches: text("what a line lacks under any SHA") },
  { write: "file:", matches: text("what changed a path, a directory or a glob") },
  { write: "message:", matches: text("text of the message; “phrases” in quotes") },
  { write: "fixes:", matches: text("what says that it fixes a commit, a CVE or an issue") },
  { write: "backport-of:", matches: text("copies of a commit") },
  { write: "commit:", matches: text("a SHA or its beginning") },
  { write: "ref:", matches: text("what a branch or tag contains") },
  { write: "cve:", matches: text("what names a CVE") },
  { write: "changeid:", matches: text("what has a Change-Id") },
  { write: "committer:", matches: text("name or address of the committer") },
  { write: "repo:", matches: text("one repository") },
  { write: "type:merge", matches: text("merges") },
];

/** What stands in the pick once an operator is chosen: its value comes next. */
export function withOperator({ write }: Operator): string {
  return write.endsWith(":") ? write : `${write} `;
}
