import assert from "node:assert/strict";
import { test } from "node:test";
import {
  commitsIn,
  documentUri,
  fixesLine,
  hitsIn,
  isWeb,
  linesIn,
  matchesIn,
  missingIn,
  newestIn,
  repositoriesIn,
  statusIn,
  tasksIn,
} from "../src/answers";

const sha = "7f4343198c2a5b1e0d9c8b7a6f5e4d3c2b1a0987";
const commit = { sha, subject: 'Say "no"', body: "", author: {}, parents: [] };

test("the commits of all matches are taken from an answer of where", () => {
  const answer = [
    { query: "7f43431", error: null, matches: [{ repository: "nova", commit, branches: [] }] },
    { query: "0000000", error: null, matches: [] },
  ];
  assert.deepEqual(commitsIn(answer), [{ repository: "nova", sha, subject: 'Say "no"' }]);
});

test("the lines of each repository are taken in the server's order", () => {
  const branches = [{ name: "main", status: "contains" }, { name: "stable/1" }];
  const answer = [
    {
      query: "HEAD",
      error: null,
      matches: [
        { repository: "nova", commit, branches },
        { repository: "demo", commit, branches: [] },
      ],
    },
  ];
  assert.deepEqual(linesIn(answer), [
    { repository: "nova", lines: ["main", "stable/1"] },
    { repository: "demo", lines: [] },
  ]);
  assert.throws(() => linesIn([{ matches: [{ repository: "nova" }] }]), /“branches”/);
});

test("a Fixes: line has twelve digits and the subject as it is", () => {
  const line = fixesLine({ repository: "nova", sha, subject: 'Say "no"' });
  assert.equal(line, 'Fixes: 7f4343198c2a ("Say "no"")');
  // Pasted into a terminal, a line break would run what stands before it.
  const broken = { repository: "nova", sha, subject: "Say\rno" };
  assert.equal(fixesLine(broken), 'Fixes: 7f4343198c2a ("Say no")');
});

test("a search's hits keep the server's order", () => {
  const hit = (subject: string) => ({
    repository: "nova",
    sha,
    subject,
    author: { name: "Aoife", email: "a@example.org", date: "2025-03-01T12:00:00Z" },
    date: "2025-03-02T12:00:00Z",
    score: 2,
  });
  const answer = hitsIn({ query: "x", total: 7, hits: [hit("b"), hit("a")], errors: [] });
  assert.equal(answer.total, 7);
  assert.deepEqual(
    answer.hits.map((h) => `${h.subject} ${h.author} ${h.date}`),
    ["b Aoife 2025-03-02", "a Aoife 2025-03-02"],
  );
});

test("a match has its landings, and pages of the web alone, each once", () => {
  const page = {
    kind: "change",
    id: "7",
    title: "",
    state: "merged",
    url: "https://example.org/7",
  };
  const answer = [
    {
      query: "7f43431",
      error: null,
      matches: [
        {
          repository: "nova",
          commit,
          branches: [
            {
              name: "stable/1",
              ref: "refs/heads/stable/1",
              status: "missing",
              commit: null,
              evidence: ["change-id"],
              firstTag: null,
              incomplete: [],
              revertedBy: null,
              needed: true,
            },
          ],
          forge: [page, { ...page, url: "javascript:alert(1)" }],
          keys: [
            { kind: "issue", text: "#7", url: "https://example.org/7" },
            { kind: "issue", text: "#8", url: "command:workbench.action.quit" },
            { kind: "issue", text: "#9", url: null },
            { kind: "cve", text: "CVE-1", url: "http://example.org/cve" },
          ],
          limits: ["shallow"],
        },
      ],
    },
  ];
  const [match] = matchesIn(answer);
  assert.deepEqual(match?.landings, [
    {
      name: "stable/1",
      status: "missing",
      commit: undefined,
      firstTag: undefined,
      evidence: ["change-id"],
      incomplete: [],
      revertedBy: undefined,
      needed: true,
    },
  ]);
  assert.deepEqual(match.pages, [
    { title: "change 7", url: "https://example.org/7" },
    { title: "CVE-1", url: "http://example.org/cve" },
  ]);
  assert.deepEqual(match.forgeProblems, []);
  assert.ok(!isWeb("file:///etc/passwd"));
  assert.ok(!isWeb("no address"));
});

test("a match says what forges ail", () => {
  const said = { forge: "github", host: "github.com", problem: "limited" };
  const retry = "2026-03-01T12:00:00Z";
  const [match] = matchesIn([
    {
      matches: [
        {
          repository: "nova",
          commit,
          branches: [],
          forge: [],
          keys: [],
          limits: ["forge-offline"],
          forgeProblems: [said, { ...said, token: "GITHUB_TOKEN", retry }],
        },
      ],
    },
  ]);
  assert.deepEqual(match?.forgeProblems, [
    { ...said, token: "", retry: undefined },
    { ...said, token: "GITHUB_TOKEN", retry: Date.parse(retry) },
  ]);
});

test("what a line lacks is taken with its reasons", () => {
  const missing = missingIn({
    repository: "nova",
    from: "stable/1",
    in: "main",
    changes: [
      {
        sha,
        subject: "Fix",
        author: { name: "Aoife" },
        date: "2025-03-02T12:00:00Z",
        needed: true,
        reason: "fixes 1a2b3c4",
        keys: [],
      },
    ],
    excluded: [{ sha, reason: "a merge" }],
    limits: [],
  });
  assert.equal(missing.excluded, 1);
  assert.deepEqual(missing.changes, [
    {
      repository: "nova",
      sha,
      subject: "Fix",
      author: "Aoife",
      date: "2025-03-02",
      needed: true,
      reason: "fixes 1a2b3c4",
    },
  ]);
});

test("status, tasks and the newest change are taken", () => {
  const status = statusIn({
    version: "0.1.0",
    health: { state: "attention", reasons: ["nova: full"] },
    repositories: [
      { name: "nova", path: "/n", state: "ready", commits: 7, refs: 3, lines: 2, wordsPending: 1 },
    ],
  });
  assert.deepEqual(status.reasons, ["nova: full"]);
  assert.equal(status.repositories[0]?.pending, 1);
  const task = { id: "k-1", title: "words", repository: "nova", message: "", done: 3, total: 9 };
  assert.deepEqual(tasksIn({ tasks: [{ ...task, state: "running", created: "x" }] }), [task]);
  assert.equal(newestIn(null), undefined);
  assert.deepEqual(newestIn({ repository: "nova", sha, edited: false }), {
    repository: "nova",
    sha,
  });
});

test("an answer of another shape is an error that names what is missing", () => {
  assert.throws(() => commitsIn(null), TypeError);
  assert.throws(() => commitsIn([{ matches: [{ repository: "nova" }] }]), /“commit”/);
  assert.throws(() => hitsIn({ total: 0 }), /“hits”/);
  assert.throws(() => documentUri({ uri: 7 }), TypeError);
  assert.throws(() => repositoriesIn({ repositories: [1] }), TypeError);
});
