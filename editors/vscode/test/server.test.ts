import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { after, before, test } from "node:test";
import { candidates, findServer, isSupported, parseVersion, ServerProblem } from "../src/server";

const posix = {
  setting: "",
  extensionPath: "/ext",
  home: "/home/aoife",
  searchPath: "/usr/local/bin:/usr/bin",
  windows: false,
};

let folder: string;
before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "cabhfuil-"));
});
after(() => rm(folder, { recursive: true }));

/** Writes a program at a path below the test's folder. */
async function program(name: string, script: string, mode = 0o755): Promise<string> {
  const file = path.join(folder, name);
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, `#!/bin/sh\n${script}\n`);
  await chmod(file, mode);
  return file;
}

async function problem(setting: string): Promise<ServerProblem> {
  const found = findServer({ ...posix, extensionPath: folder, setting, searchPath: "" });
  const error: unknown = await found.then(
    () => assert.fail("a server was found"),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof ServerProblem, String(error));
  return error;
}

test("without a setting, the bundled program comes before PATH", () => {
  assert.deepEqual(
    candidates(posix).map((c) => `${c.origin} ${c.path}`),
    [
      "bundled /ext/bin/cabhfuil-lsp",
      "PATH /usr/local/bin/cabhfuil-lsp",
      "PATH /usr/bin/cabhfuil-lsp",
    ],
  );
});

test("a setting stands alone and may begin with the home folder", () => {
  assert.deepEqual(candidates({ ...posix, setting: " ~/bin/cabhfuil-lsp " }), [
    { path: "/home/aoife/bin/cabhfuil-lsp", origin: "setting" },
  ]);
  assert.equal(candidates({ ...posix, setting: "/a/~/b" })[0]?.path, "/a/~/b");
  assert.equal(candidates({ ...posix, setting: "~", home: "/home/$&" })[0]?.path, "/home/$&");
});

test("relative entries of PATH are passed over", () => {
  assert.deepEqual(
    candidates({ ...posix, searchPath: ":.:bin:/usr/bin" }).map((c) => c.path),
    ["/ext/bin/cabhfuil-lsp", "/usr/bin/cabhfuil-lsp"],
  );
});

test("on Windows the program ends in .exe", () => {
  assert.match(candidates({ ...posix, windows: true, searchPath: "" })[0]?.path ?? "", /\.exe$/);
});

test("a version is read from what cabhfuil-lsp prints, and from nothing else", () => {
  assert.deepEqual(parseVersion("cabhfuil-lsp 0.1.0-dev (go1.26.8)\n"), [0, 1, 0]);
  assert.deepEqual(parseVersion("cabhfuil-lsp v12.3.45"), [12, 3, 45]);
  assert.equal(parseVersion("git version 2.39.5"), undefined);
  assert.equal(parseVersion(""), undefined);
});

test("servers of the same major version fit, unless they are too old", () => {
  assert.ok(isSupported([0, 1, 0]));
  assert.ok(isSupported([0, 1, 7]));
  assert.ok(isSupported([0, 2, 0]));
  assert.ok(!isSupported([0, 0, 9]));
  assert.ok(!isSupported([1, 1, 0]));
});

test("the first program on PATH that can be run is taken", async () => {
  await program("plain/cabhfuil-lsp", "echo cabhfuil-lsp 0.1.0", 0o644);
  const file = await program("good/cabhfuil-lsp", "echo cabhfuil-lsp 0.3.1 '(go1)'");
  const searchPath = ["absent", "plain", "good"].map((name) => path.join(folder, name)).join(":");
  assert.deepEqual(await findServer({ ...posix, extensionPath: folder, searchPath }), {
    path: file,
    origin: "PATH",
    version: "0.3.1",
  });
});

test("each problem says what is wrong and what to do", async () => {
  const none = await problem("");
  assert.match(none.message, /not found/);
  assert.match(none.advice.template, /cabhfuil\.server\.path/);

  assert.match((await problem("bin/cabhfuil-lsp")).message, /no absolute path/);
  assert.match((await problem(path.join(folder, "absent"))).message, /no program/);
  assert.match((await problem(folder)).message, /no program/);

  const other = await program("other", "echo something else 1.2.3");
  assert.match((await problem(other)).message, /does not answer/);
  const newer = await program("newer", "echo cabhfuil-lsp 7.0.0");
  assert.match((await problem(newer)).message, /version 7\.0\.0.*0\.1\.0/);
  const failing = await program("failing", "exit 3");
  assert.match((await problem(failing)).message, /could not be run \(3\)/);
});
