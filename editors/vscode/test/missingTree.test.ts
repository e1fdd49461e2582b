import assert from "node:assert/strict";
import { test } from "node:test";
import type { ChangeAnswer } from "../src/answers";
import { groups } from "../src/missingTree";

function change(subject: string, needed: boolean, author = "Aoife Byrne"): ChangeAnswer {
  const sha = Buffer.from(subject).toString("hex").padEnd(40, "0").slice(0, 40);
  return { repository: "nova", sha, subject, author, date: "2025-03-01", needed, reason: "" };
}

const missing = {
  repository: "nova",
  from: "stable/1",
  in: "main",
  changes: [change("Report the pressure", false), change("Fix the drain", true, "Seán")],
  excluded: 2,
  limits: [],
};

const subjects = (words: string) =>
  groups(missing, words).map(({ needed, changes }) => ({
    needed,
    subjects: changes.map(({ subject }) => subject),
  }));

test("what is needed comes first, and empty groups are left out", () => {
  assert.deepEqual(subjects(""), [
    { needed: true, subjects: ["Fix the drain"] },
    { needed: false, subjects: ["Report the pressure"] },
  ]);
});

test("words are looked for in subject, author and SHA, all of them, in any case", () => {
  assert.deepEqual(subjects("seán FIX"), [{ needed: true, subjects: ["Fix the drain"] }]);
  assert.deepEqual(subjects(" 5265706f "), [{ needed: false, subjects: ["Report the pressure"] }]);
  assert.deepEqual(subjects("drain pressure"), []);
});
