// What the server's commands answer, as far as the extension uses it. The
// server may be another version than the one this was written for, so answers
// are checked here once and have their types from then on.

export interface CommitAnswer {
  readonly repository: string;
  readonly sha: string;
  readonly subject: string;
}

export interface SearchAnswer {
  readonly hits: readonly (CommitAnswer & { readonly author: string; readonly date: string })[];
  readonly total: number;
}

export interface LinesAnswer {
  readonly repository: string;
  /** By name: the upstream line, then the release lines. */
  readonly lines: readonly string[];
}

/** A key that can only be a commit: what is put into links and commands. */
export function isSha(text: string): boolean {
  return /^[0-9a-f]{7,64}$/i.test(text);
}

/** The line by which a commit message names the commit that it fixes. */
export function fixesLine(commit: CommitAnswer): string {
  return `Fixes: ${commit.sha.slice(0, 12)} ("${commit.subject}")`;
}

/** The commits in an answer of `cabhfuil.where`. */
export function commitsIn(where: unknown): CommitAnswer[] {
  return list(where).flatMap((answer) =>
    list(field(answer, "matches")).map((match) => ({
      repository: text(field(match, "repository")),
      sha: text(field(field(match, "commit"), "sha")),
      subject: text(field(field(match, "commit"), "subject")),
    })),
  );
}

/** The lines of each repository in an answer of `cabhfuil.where`. */
export function linesIn(where: unknown): LinesAnswer[] {
  return list(where).flatMap((answer) =>
    list(field(answer, "matches")).map((match) => ({
      repository: text(field(match, "repository")),
      lines: list(field(match, "branches")).map((branch) => text(field(branch, "name"))),
    })),
  );
}

/** The hits in an answer of `cabhfuil.search`. */
export function hitsIn(search: unknown): SearchAnswer {
  return {
    total: Number(field(search, "total")),
    hits: list(field(search, "hits")).map((hit) => ({
      repository: text(field(hit, "repository")),
      sha: text(field(hit, "sha")),
      subject: text(field(hit, "subject")),
      author: text(field(field(hit, "author"), "name")),
      date: text(field(hit, "date")).slice(0, "2006-01-02".length),
    })),
  };
}

/** Where the document is that an answer of `cabhfuil.commit` or `cabhfuil.missing` names. */
export function documentUri(answer: unknown): string {
  return text(field(answer, "uri"));
}

/** The names of the repositories in an answer of `cabhfuil.reindex`. */
export function repositoriesIn(reindex: unknown): string[] {
  return list(field(reindex, "repositories")).map(text);
}

function field(value: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null || !(name in value)) {
    throw new TypeError(`The server's answer has no “${name}”.`);
  }
  return (value as Record<string, unknown>)[name];
}

function list(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) {
    throw new TypeError("The server's answer is not the list that was expected.");
  }
  return value;
}

function text(value: unknown): string {
  if (typeof value !== "string") {
    throw new TypeError("The server's answer is not the text that was expected.");
  }
  return value;
}
