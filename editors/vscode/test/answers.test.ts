import assert from "node:assert/strict";
import { test } from "node:test";
import { commitsIn, documentUri, fixesLine, hitsIn, linesIn, repositoriesIn } from "../src/answers";

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

test("an answer of another shape is an error that names what is missing", () => {
  assert.throws(() => commitsIn(null), TypeError);
  assert.throws(() => commitsIn([{ matches: [{ repository: "nova" }] }]), /“commit”/);
  assert.throws(() => hitsIn({ total: 0 }), /“hits”/);
  assert.throws(() => documentUri({ uri: 7 }), TypeError);
  assert.throws(() => repositoriesIn({ repositories: [1] }), TypeError);
});
