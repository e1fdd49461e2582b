import assert from "node:assert/strict";
import { test } from "node:test";
import { counted, oneLine, text, untranslated, withoutIcons, withoutLinks } from "../src/text";

test("values stand where their numbers are", () => {
  assert.equal(untranslated(text("{1} of {0}, {1}", "b", 3)), "3 of b, 3");
  assert.equal(untranslated(text("{0} and {1}", "{1}")), "{1} and {1}");
});

test("one is not many", () => {
  const said = [0, 1, 2].flatMap((n) =>
    [counted.commits(n), counted.lines(n), counted.changes(n)].map(untranslated),
  );
  assert.deepEqual(said, [
    ...["0 commits", "0 lines", "0 changes"],
    ...["1 commit", "1 line", "1 change"],
    ...["2 commits", "2 lines", "2 changes"],
  ]);
});

test("what a repository says stays on its line and shows all of itself", () => {
  assert.equal(oneLine("  Fix\r\n\u0000it\u202e \u2066now\t"), "Fix it   now");
  assert.equal(oneLine("Seán: naïve ✓ 修正"), "Seán: naïve ✓ 修正");
});

test("no text of a repository draws an icon", () => {
  assert.equal(withoutIcons("$(error) \\$(x) $ (y)"), "\\$(error) \\$(x) $ (y)");
});

test("no text of a repository makes a link in a message", () => {
  assert.equal(
    withoutLinks("no [branch](command:evil) [x] (y) [z]"),
    "no [branch] (command:evil) [x] (y) [z]",
  );
});
