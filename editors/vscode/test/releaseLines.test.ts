import assert from "node:assert/strict";
import { test } from "node:test";
import type { ForgeProblem, LandingAnswer, MatchAnswer } from "../src/answers";
import { comparable, limitWords, lineRows } from "../src/releaseLines";
import { untranslated } from "../src/text";

const sha = "7f4343198c2a5b1e0d9c8b7a6f5e4d3c2b1a0987";
const copy = "8595b8eed4d05b1e0d9c8b7a6f5e4d3c2b1a0987";
const fix = "1a2b3c4d5e6f5b1e0d9c8b7a6f5e4d3c2b1a0987";

function landing(name: string, status: string, more: Partial<LandingAnswer> = {}): LandingAnswer {
  return {
    name,
    status,
    commit: undefined,
    firstTag: undefined,
    evidence: [],
    incomplete: [],
    revertedBy: undefined,
    needed: false,
    ...more,
  };
}

function match(...landings: LandingAnswer[]): MatchAnswer {
  return {
    repository: "nova",
    sha,
    subject: "Fix",
    landings,
    pages: [],
    limits: [],
    forgeProblems: [],
  };
}

function rows(...landings: LandingAnswer[]): string[] {
  return lineRows(match(...landings)).map(({ name, state, brief, details, sign }) =>
    [sign.icon, name, untranslated(state), brief.join(" "), ...details.map(untranslated)].join(
      " | ",
    ),
  );
}

test("each line has a row with its state, its commit and its tag", () => {
  assert.deepEqual(
    rows(
      landing("master", "contains", { commit: sha, firstTag: "v2" }),
      landing("stable/2", "backported", { commit: copy }),
      landing("stable/1", "missing"),
      landing("stable/0", "not-affected"),
      landing("old", "unknown"),
    ),
    [
      "check | master | contains | v2 | since v2",
      "arrow-small-right | stable/2 | backported | 8595b8eed4d0 | as 8595b8eed4d0 | not released yet",
      "close | stable/1 | missing | ",
      "dash | stable/0 | not affected | ",
      "question | old | unknown | ",
    ],
  );
});

test("what needs action comes out", () => {
  const all = lineRows(
    match(
      landing("a", "backported", { commit: copy, firstTag: "v1", incomplete: [fix] }),
      landing("b", "reverted", { revertedBy: fix }),
      landing("c", "missing", { needed: true }),
      landing("d", "contains", { commit: sha }),
    ),
  );
  assert.deepEqual(
    all.map(({ attention }) => attention),
    [true, true, true, false],
  );
  assert.deepEqual(
    all.map(({ sign }) => sign.icon),
    ["warning", "warning", "warning", "check"],
  );
  assert.deepEqual(all[0]?.details.map(untranslated), [
    "as 8595b8eed4d0",
    "since v1",
    "without its follow-up 1a2b3c4d5e6f",
  ]);
  assert.deepEqual(all[1]?.details.map(untranslated), ["by 1a2b3c4d5e6f"]);
  assert.equal(all[2] && untranslated(all[2].state), "missing, and needed here");
});

test("a state of a newer server, and a hostile name, are shown as they are", () => {
  assert.deepEqual(rows(landing("a\u202eb\nc", "half-there")), [
    "question | a b c | half-there | ",
  ]);
});

test("lines with commits of their own can be compared", () => {
  assert.deepEqual(
    comparable(
      match(
        landing("master", "contains", { commit: sha }),
        landing("stable/3", "contains", { commit: sha }),
        landing("stable/2", "backported", { commit: copy }),
        landing("stable/1", "missing"),
      ),
    ),
    [
      { name: "master", sha },
      { name: "stable/2", sha: copy },
    ],
  );
});

test("limits are told in words, and unknown ones by their names", () => {
  assert.match(untranslated(limitWords(["shallow"])[0] ?? assert.fail()), /shallow: absence/);
  assert.deepEqual(limitWords(["newer"]).map(untranslated), ["newer"]);
});

test("what a forge ails is said by its host, and by the variable of its token", () => {
  const now = Date.parse("2026-03-01T12:00:00Z");
  const said = (problem: string, more: Partial<ForgeProblem> = {}): string[] => {
    const all = { forge: "gitlab", host: "git.example.org", problem, token: "", retry: undefined };
    return limitWords(["forge-offline", "shallow"], [{ ...all, ...more }], now)
      .slice(0, -1) // each limit has its place
      .map(untranslated);
  };
  assert.deepEqual(said("offline"), [
    "git.example.org does not answer; what it said may be missing or old.",
  ]);
  assert.deepEqual(said("refused", { token: "GITLAB_TOKEN" }), [
    "git.example.org refuses the token of GITLAB_TOKEN; it may be wrong, or have expired.",
  ]);
  assert.deepEqual(said("refused"), ["git.example.org wants a token, and none is set for it."]);
  assert.deepEqual(said("forbidden"), ["git.example.org does not show this without a token."]);
  assert.deepEqual(said("broken", { host: "" }), [
    "The plugin gitlab does not work; plugin list says why.",
  ]);
  assert.deepEqual(said("limited", { retry: now - 1 }), [
    "git.example.org answers no more questions for a while.",
  ]);
  assert.match(said("limited", { retry: now + 600_000 })[0] ?? "", /questions until .*\d\d.$/);
  assert.match(said("newer\u202e")[0] ?? "", /could not be asked/);
  // An older server tells no more than the limit.
  assert.match(untranslated(limitWords(["forge-offline"])[0] ?? assert.fail()), /A forge could/);
});
