import assert from "node:assert/strict";
import { test } from "node:test";
import { against, lacking } from "../src/lines";

const nova = { repository: "nova", lines: ["master", "stable/2026.1", "stable/2025.2"] };
const demo = { repository: "demo", lines: ["main", "stable/1"] };

const names = (lines: { repository: string; name: string }[]) =>
  lines.map(({ repository, name }) => `${repository} ${name}`);

test("release lines are offered first, in the server's order", () => {
  assert.deepEqual(names(lacking([nova, demo])), [
    "nova stable/2026.1",
    "nova stable/2025.2",
    "nova master",
    "demo stable/1",
    "demo main",
  ]);
});

test("a repository with one line, or none, has nothing to compare", () => {
  assert.deepEqual(lacking([{ repository: "a", lines: ["main"] }]), []);
  assert.deepEqual(lacking([{ repository: "a", lines: [] }]), []);
});

test("a line is held against the others of its repository, upstream first", () => {
  assert.deepEqual(names(against([demo, nova], { repository: "nova", name: "stable/2025.2" })), [
    "nova master",
    "nova stable/2026.1",
  ]);
  assert.deepEqual(names(against([nova], { repository: "nova", name: "master" })), [
    "nova stable/2026.1",
    "nova stable/2025.2",
  ]);
});
