import assert from "node:assert/strict";
import { test } from "node:test";
import { Coming } from "../src/coming";

const longMs = 60_000;

test("what does not come is not waited for", async () => {
  const server = new Coming<string>();
  assert.equal(await server.within(longMs), undefined);
  server.set("first");
  server.set(undefined);
  assert.equal(await server.within(longMs), undefined);
});

test("what is to come is waited for, by all who ask", async () => {
  const server = new Coming<string>();
  server.expect();
  const waiting = [server.within(longMs), server.within(longMs)];
  server.expect(); // again, which changes nothing for those that wait
  server.set("here");
  assert.deepEqual(await Promise.all(waiting), ["here", "here"]);
  assert.equal(await server.within(longMs), "here");
});

test("those that wait are told that it does not come after all", async () => {
  const server = new Coming<string>();
  server.expect();
  const waiting = server.within(longMs);
  server.set(undefined);
  assert.equal(await waiting, undefined);
});

test("what is late is not waited for", async () => {
  const server = new Coming<string>();
  server.expect();
  assert.equal(await server.within(1), undefined);
  server.set("late");
  assert.equal(await server.within(longMs), "late");
});

test("the next one is waited for once it is expected", async () => {
  const server = new Coming<string>();
  server.set("first");
  server.expect();
  const waiting = server.within(longMs);
  server.set("second");
  assert.equal(await waiting, "second");
});
