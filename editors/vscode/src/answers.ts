// What the server's commands answer, as far as the extension uses it. The
// server may be another version than the one this was written for, so answers
// are checked here once and have their types from then on.

import { oneLine } from "./text";

export interface CommitAnswer {
  readonly repository: string;
  readonly sha: string;
  readonly subject: string;
}

/** How a change stands on one line. */
export interface LandingAnswer {
  readonly name: string;
  readonly status: string;
  /** The commit on this line; undefined where there is none. */
  readonly commit: string | undefined;
  readonly firstTag: string | undefined;
  readonly evidence: readonly string[];
  /** Later fixes of it that are upstream and not here. */
  readonly incomplete: readonly string[];
  readonly revertedBy: string | undefined;
  readonly needed: boolean;
}

export interface Page {
  readonly title: string;
  readonly url: string;
}

/** Why a forge could not be asked. */
export interface ForgeProblem {
  /** The plugin that asks it. */
  readonly forge: string;
  /** The host that has the problem; empty where it is the plugin's own. */
  readonly host: string;
  /** By the server's name, such as offline. */
  readonly problem: string;
  /** Where the token came from that was sent; empty where none was. */
  readonly token: string;
  /** When asking again may help, in milliseconds since 1970. */
  readonly retry: number | undefined;
}

export interface MatchAnswer extends CommitAnswer {
  readonly landings: readonly LandingAnswer[];
  /** Where forges and trackers show it, and what it names. */
  readonly pages: readonly Page[];
  /** Why the answer may fall short, by the server's names. */
  readonly limits: readonly string[];
  readonly forgeProblems: readonly ForgeProblem[];
}

export interface ChangeAnswer extends CommitAnswer {
  readonly author: string;
  readonly date: string;
  readonly needed: boolean;
  readonly reason: string;
}

export interface MissingAnswer {
  readonly repository: string;
  readonly from: string;
  readonly in: string;
  readonly changes: readonly ChangeAnswer[];
  readonly excluded: number;
  readonly limits: readonly string[];
}

export interface RepositoryAnswer {
  readonly name: string;
  readonly path: string;
  /** reading, indexing, ready, stopped, error, or a clone's. */
  readonly state: string;
  readonly commits: number;
  readonly lines: number;
  /** Commits whose words are not indexed yet. */
  readonly pending: number;
}

export interface StatusAnswer {
  readonly version: string;
  /** ok, attention or failing. */
  readonly health: string;
  readonly reasons: readonly string[];
  readonly repositories: readonly RepositoryAnswer[];
}

export interface TaskAnswer {
  readonly id: string;
  readonly title: string;
  readonly repository: string;
  readonly message: string;
  readonly done: number;
  /** 0 while it is not known. */
  readonly total: number;
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
  return `Fixes: ${commit.sha.slice(0, 12)} ("${oneLine(commit.subject)}")`;
}

/** The changes in an answer of `cabhfuil.where`, with how they stand on each line. */
export function matchesIn(where: unknown): MatchAnswer[] {
  return list(where).flatMap((answer) =>
    list(field(answer, "matches")).map((match) => ({
      repository: text(field(match, "repository")),
      sha: text(field(field(match, "commit"), "sha")),
      subject: text(field(field(match, "commit"), "subject")),
      landings: list(field(match, "branches")).map(landing),
      pages: pagesOf(match),
      limits: list(field(match, "limits")).map(text),
      forgeProblems: list(optional(match, "forgeProblems") ?? []).map(forgeProblem),
    })),
  );
}

function forgeProblem(problem: unknown): ForgeProblem {
  const retry = Date.parse(text(optional(problem, "retry") ?? ""));
  return {
    forge: text(field(problem, "forge")),
    host: text(field(problem, "host")),
    problem: text(field(problem, "problem")),
    token: text(optional(problem, "token") ?? ""),
    retry: Number.isNaN(retry) ? undefined : retry,
  };
}

function landing(branch: unknown): LandingAnswer {
  return {
    name: text(field(branch, "name")),
    status: text(field(branch, "status")),
    commit: textOrNull(field(branch, "commit")),
    firstTag: textOrNull(field(branch, "firstTag")),
    evidence: list(field(branch, "evidence")).map(text),
    incomplete: list(field(branch, "incomplete")).map(text),
    revertedBy: textOrNull(field(branch, "revertedBy")),
    needed: field(branch, "needed") === true,
  };
}

/** Pages that a browser may be sent to: each address once, and no scheme but the web's. */
function pagesOf(match: unknown): Page[] {
  const forge = list(field(match, "forge")).map((item) => ({
    title: `${text(field(item, "kind"))} ${text(field(item, "id"))}`,
    url: textOrNull(field(item, "url")),
  }));
  const keys = list(field(match, "keys")).map((key) => ({
    title: text(field(key, "text")),
    url: textOrNull(field(key, "url")),
  }));
  const pages = new Map<string, Page>();
  for (const { title, url } of [...forge, ...keys]) {
    if (url !== undefined && isWeb(url) && !pages.has(url)) {
      pages.set(url, { title, url });
    }
  }
  return [...pages.values()];
}

/** Whether an address is one of the web. */
export function isWeb(url: string): boolean {
  return URL.canParse(url) && /^https?:$/.test(new URL(url).protocol);
}

/** The commit in an answer of `cabhfuil.newest`; undefined where nothing is committed. */
export function newestIn(newest: unknown): { repository: string; sha: string } | undefined {
  return newest === null
    ? undefined
    : { repository: text(field(newest, "repository")), sha: text(field(newest, "sha")) };
}

/** What a line lacks, in an answer of `cabhfuil.missing`. */
export function missingIn(missing: unknown): MissingAnswer {
  const repository = text(field(missing, "repository"));
  return {
    repository,
    from: text(field(missing, "from")),
    in: text(field(missing, "in")),
    changes: list(field(missing, "changes")).map((change) => ({
      repository,
      sha: text(field(change, "sha")),
      subject: text(field(change, "subject")),
      author: text(field(field(change, "author"), "name")),
      date: day(field(change, "date")),
      needed: field(change, "needed") === true,
      reason: text(field(change, "reason")),
    })),
    excluded: list(field(missing, "excluded")).length,
    limits: list(field(missing, "limits")).map(text),
  };
}

/** How the server is, in an answer of `cabhfuil.status`. */
export function statusIn(status: unknown): StatusAnswer {
  const health = field(status, "health");
  return {
    version: text(field(status, "version")),
    health: text(field(health, "state")),
    reasons: list(field(health, "reasons")).map(text),
    repositories: list(field(status, "repositories")).map((repository) => ({
      name: text(field(repository, "name")),
      path: text(field(repository, "path")),
      state: text(field(repository, "state")),
      commits: Number(field(repository, "commits")),
      lines: Number(field(repository, "lines")),
      pending: Number(field(repository, "wordsPending")),
    })),
  };
}

/** The operations in an answer of `cabhfuil.tasks`. */
export function tasksIn(tasks: unknown): TaskAnswer[] {
  return list(field(tasks, "tasks")).map((task) => ({
    id: text(field(task, "id")),
    title: text(field(task, "title")),
    repository: text(field(task, "repository")),
    message: text(field(task, "message")),
    done: Number(field(task, "done")),
    total: Number(field(task, "total")),
  }));
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
      date: day(field(hit, "date")),
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

/** A field that the server leaves out where there is nothing to say. */
function optional(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null && name in value
    ? field(value, name)
    : undefined;
}

function field(value: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null || !(name in value)) {
    throw new TypeError(`The server's answer has no “${name}”.`);
  }
  return (value as Record<string, unknown>)[name];
}

function day(value: unknown): string {
  return text(value).slice(0, "2006-01-02".length);
}

function textOrNull(value: unknown): string | undefined {
  return value === null ? undefined : text(value);
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
