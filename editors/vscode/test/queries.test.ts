import assert from "node:assert/strict";
import { test } from "node:test";
import { operators, remembered, stored, withOperator } from "../src/queries";

test("queries are remembered once each, the newest first, and not without end", () => {
  let queries: string[] = [];
  for (const query of ["a", "b", " a ", ""]) {
    queries = remembered(queries, query);
  }
  assert.deepEqual(queries, ["a", "b"]);
  for (let i = 0; i < 50; i++) {
    queries = remembered(queries, `query ${i}`);
  }
  assert.equal(queries.length, 20);
  assert.equal(queries[0], "query 49");
});

test("what another version stored is no danger", () => {
  assert.deepEqual(stored(undefined), []);
  assert.deepEqual(stored({ 0: "a" }), []);
  assert.deepEqual(stored(["a", 1, null, "b"]), ["a", "b"]);
});

test("an operator is followed by its value, others by a blank", () => {
  assert.equal(
    withOperator({ write: "author:", matches: operators[0]?.matches ?? assert.fail() }),
    "author:",
  );
  const merge = operators.find(({ write }) => write === "type:merge");
  assert.equal(merge && withOperator(merge), "type:merge ");
});
