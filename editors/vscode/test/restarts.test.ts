import assert from "node:assert/strict";
import { test } from "node:test";
import { Restarts } from "../src/restarts";

const minute = 60_000;

test("a server that keeps ending is started ever more slowly, then no more", () => {
  const restarts = new Restarts();
  const delays = [0, 1, 2, 3, 4, 5].map((second) => restarts.ended(second * 1_000));
  assert.deepEqual(delays, [0, 1_000, 4_000, 10_000, undefined, undefined]);
});

test("ends that are long past do not count", () => {
  const restarts = new Restarts();
  for (let end = 0; end < 50; end++) {
    assert.equal(restarts.ended(end * 4 * minute), 0);
  }
});

test("a start that the user asked for begins anew", () => {
  const restarts = new Restarts();
  restarts.ended(0);
  restarts.ended(1);
  restarts.reset();
  assert.equal(restarts.ended(2), 0);
});
