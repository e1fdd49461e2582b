import assert from "node:assert/strict";
import { test } from "node:test";
import { Coming } from "../src/coming";

const longMs = 60_000;

test("what does not come is not waited for", async () => {
  const server = new Coming<string>(longMs);
  assert.equal(await server.get(), undefined);
  server.set("first");
  server.set(undefined);
  assert.equal(await server.get(), undefined);
});

test("what is to come is waited for, by all who ask", async () => {
  const server = new Coming<string>(longMs);
  server.expect();
  const waiting = [server.get(), server.get()];
  server.expect(); // again, which changes nothing for those that wait
  server.set("here");
  assert.deepEqual(await Promise.all(waiting), ["here", "here"]);
  assert.equal(await server.get(), "here");
});

test("those that wait are told that it does not come after all", async () => {
  const server = new Coming<string>(longMs);
  server.expect();
  const waiting = server.get();
  server.set(undefined);
  assert.equal(await waiting, undefined);
});

test("what is late is waited for once", async () => {
  const patienceMs = 50;
  const server = new Coming<string>(patienceMs);
  server.expect();
  assert.equal(await server.get(), undefined);
  server.expect(); // it is still the same
  const answers = await Promise.race([
    Promise.all([server.get(), server.get()]),
    new Promise((resolve) => setTimeout(resolve, patienceMs / 2, "waited again")),
  ]);
  assert.deepEqual(answers, [undefined, undefined]);
  server.set("late");
  assert.equal(await server.get(), "late");
});

test("the next one is waited for once it is expected", async () => {
  const server = new Coming<string>(longMs);
  server.set("first");
  server.expect();
  const waiting = server.get();
  server.set("second");
  assert.equal(await waiting, "second");
});
