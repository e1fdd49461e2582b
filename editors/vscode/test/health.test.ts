import assert from "node:assert/strict";
import { test } from "node:test";
import type { StatusAnswer } from "../src/answers";
import { belowHome, percentOf, shown, type Progress } from "../src/health";
import { untranslated } from "../src/text";

const running = { state: "running", version: "0.1.0" } as const;
const well: StatusAnswer = {
  version: "0.1.0",
  health: "ok",
  reasons: [],
  repositories: [
    { name: "nova", path: "/nova", state: "ready", commits: 70, lines: 3, pending: 0 },
    { name: "demo", path: "/demo", state: "ready", commits: 7, lines: 2, pending: 0 },
  ],
};

function look(...of: Parameters<typeof shown>): string {
  const { icon, label, tooltip, level } = shown(...of);
  return [icon, untranslated(label), tooltip.map(untranslated).join("; "), level].join(" | ");
}

test("while all is well, the item is quiet and says how much is known", () => {
  assert.equal(look(running, [], well), "git-commit | Cá Bhfuil | 77 commits, up to date | quiet");
  assert.equal(
    look(running, [], undefined),
    "git-commit | Cá Bhfuil | no repository is open | quiet",
  );
  const first = well.repositories.slice(0, 1).map((one) => ({ ...one, commits: 1 }));
  assert.match(look(running, [], { ...well, repositories: first }), /\| 1 commit, up to date \|/);
});

test("indexing shows how far it is, as far as anything tells", () => {
  const words: Progress = { title: "nova: words", percentage: 42 };
  const reading: Progress = { title: "demo: read", percentage: undefined };
  assert.equal(
    look(running, [words, reading], well),
    "sync~spin | Cá Bhfuil 42 % | nova: words: 42 %; demo: read | quiet",
  );
  assert.equal(look(running, [reading], well), "sync~spin | Cá Bhfuil | demo: read | quiet");
  assert.equal(percentOf([words, { title: "", percentage: 99 }]), 70);
  assert.equal(percentOf([]), undefined);
});

test("what is wrong comes before what goes on", () => {
  const words: Progress = { title: "nova: words", percentage: 42 };
  const sick = { ...well, health: "attention", reasons: ["nova: fetch failed"] };
  assert.equal(look(running, [words], sick), "warning | Cá Bhfuil | nova: fetch failed | warning");
  assert.match(look(running, [], { ...sick, health: "failing" }), /\| error$/);
  assert.equal(
    look({ state: "failed", why: "not found" }, [words], well),
    "error | Cá Bhfuil | not found | error",
  );
});

test("one that says nothing is told, whatever it said before", () => {
  assert.equal(
    look(running, [{ title: "nova: words", percentage: 42 }], well, true),
    "warning | Cá Bhfuil | The server does not answer. | warning",
  );
  assert.match(look({ state: "starting" }, [], undefined, true), /starting/);
});

test("a server that starts or is stopped says so", () => {
  assert.match(look({ state: "starting" }, [], undefined), /^sync~spin .* starting \| quiet$/);
  assert.match(look({ state: "stopped" }, [], undefined), /stopped \| quiet$/);
});

test("the home folder has a short name", () => {
  assert.equal(belowHome("/home/aoife/src/nova", "/home/aoife"), "~/src/nova");
  assert.equal(belowHome("C:\\Users\\aoife\\nova", "C:\\Users\\aoife"), "~\\nova");
  assert.equal(belowHome("/home/aoife2/nova", "/home/aoife"), "/home/aoife2/nova");
  assert.equal(belowHome("/srv/nova", ""), "/srv/nova");
});
