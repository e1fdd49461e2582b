// Tests the extension through the editor's API. It runs in the extension host of
// a real editor, once: it writes what came of each test, as JSON, to the file that
// CABHFUIL_E2E_RESULTS names, in a workspace that fixture.sh made.

const assert = require("node:assert/strict");
const { existsSync, renameSync, writeFileSync } = require("node:fs");
const path = require("node:path");
const { performance } = require("node:perf_hooks");
const vscode = require("vscode");

const id = "cabhfuil.cabhfuil";
const patienceMs = 45_000;
const virtualScheme = "cabhfuil-e2e";

exports.activate = (context) => {
  const folders = vscode.workspace.workspaceFolders ?? [];
  const virtual = folders.some(({ uri }) => uri.scheme === virtualScheme);
  const results = `${process.env.CABHFUIL_E2E_RESULTS}${virtual ? ".virtual" : ""}`;
  if (virtual) {
    const provider = vscode.workspace.registerFileSystemProvider(virtualScheme, oneFile);
    context.subscriptions.push(provider);
  }
  if (process.env.CABHFUIL_E2E_RESULTS && !existsSync(results)) {
    const facts = JSON.parse(process.env.CABHFUIL_E2E_FACTS);
    void run(virtual ? virtualTests() : tests(facts), results);
  }
};

function refuse() {
  throw vscode.FileSystemError.NoPermissions();
}

/** A folder that holds one file, and is on no disk. */
const oneFile = {
  onDidChangeFile: new vscode.EventEmitter().event,
  watch: () => new vscode.Disposable(() => {}),
  stat: ({ path: at }) => {
    const type = {
      "/virtual": vscode.FileType.Directory,
      "/virtual/note.txt": vscode.FileType.File,
    };
    if (type[at] === undefined) {
      throw vscode.FileSystemError.FileNotFound(at);
    }
    return { type: type[at], ctime: 0, mtime: 0, size: 0 };
  },
  readDirectory: () => [["note.txt", vscode.FileType.File]],
  readFile: () => new Uint8Array(),
  // A provider has to have these, also where it cannot be written to.
  createDirectory: refuse,
  writeFile: refuse,
  delete: refuse,
  rename: refuse,
};

async function run(tests, results) {
  const outcomes = [];
  for (const [name, test] of tests) {
    try {
      const note = await test();
      outcomes.push({ name: note ? `${name} (${note})` : name });
    } catch (error) {
      outcomes.push({ name, error: String(error?.stack ?? error) });
    }
  }
  // Whoever waits for the file finds all of it.
  writeFileSync(`${results}.part`, JSON.stringify(outcomes));
  renameSync(`${results}.part`, results);
}

/** Asks until the answer is what is waited for: a repository may still be being read. */
async function until(ask, holds, what) {
  const end = Date.now() + patienceMs;
  for (;;) {
    const answer = await ask();
    if (holds(answer)) {
      return answer;
    }
    if (Date.now() > end) {
      throw new Error(`${what}: ${JSON.stringify(answer)}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

function* virtualTests() {
  yield [
    "in a virtual workspace the extension is not there",
    () => {
      assert.equal(vscode.extensions.getExtension(id), undefined);
    },
  ];
}

function* tests(facts) {
  const file = (name) => vscode.Uri.file(path.join(facts.directory, name));
  const changelog = file("CHANGELOG.md");
  const short = facts.sha.slice(0, 12);

  yield [
    "loading takes 100 ms of the processor at most",
    async () => {
      const extension = vscode.extensions.getExtension(id);
      assert.ok(extension, "the extension is not installed");
      const began = performance.now();
      await extension.activate();
      const activation = performance.now() - began;
      // Loading is most of an activation, and the part that nothing else in this
      // process takes part in. A busy machine makes it wait, so its time does not count.
      const file = path.join(extension.extensionPath, extension.packageJSON.main);
      delete require.cache[require.resolve(file)];
      const before = process.cpuUsage();
      require(file);
      const { user, system } = process.cpuUsage(before);
      const cpu = (user + system) / 1000;
      const note = `${cpu.toFixed(0)} ms; activation, while others started too: ${activation.toFixed(0)} ms`;
      assert.ok(cpu <= 100, note);
      return note;
    },
  ];

  yield [
    "the server's commands and the extension's are registered, under ids of their own",
    async () => {
      const all = await until(
        () => vscode.commands.getCommands(true),
        (commands) => commands.includes("cabhfuil.where"),
        "the server's commands are missing",
      );
      const { commands } = vscode.extensions.getExtension(id).packageJSON.contributes;
      for (const { command } of commands) {
        assert.ok(all.includes(command), command);
        assert.match(command, /^cabhfuil-vscode\./);
      }
    },
  ];

  yield [
    "a hover's commands come from the extension alone",
    async () => {
      const document = await vscode.workspace.openTextDocument(changelog);
      const at = document.positionAt(document.getText().indexOf(short) + 3);
      const hovers = await until(
        () => vscode.commands.executeCommand("vscode.executeHoverProvider", changelog, at),
        (found) => found.some(({ contents }) => contents.length > 1),
        "no hover with links",
      );
      const parts = hovers.flatMap(({ contents }) => contents);
      const links = parts.filter(({ value }) => value.includes("command:"));
      assert.equal(links.length, 1);
      assert.ok(links[0].value.includes("cabhfuil-vscode.showCommit"), links[0].value);
      assert.ok(links[0].value.includes("cabhfuil-vscode.compareLines"), links[0].value);
      for (const part of parts) {
        assert.ok(!part.supportHtml);
        assert.ok(part === links[0] || part.isTrusted !== true, part.value);
        assert.notEqual(part.isTrusted, true, "all commands are allowed");
      }
      assert.ok(parts[0].value.includes(facts.subject), parts[0].value);
    },
  ];

  yield [
    "lenses stand where the editor's own symbols are",
    async () => {
      const uri = file("CHANGELOG.md");
      const lineOf = (lenses) => lenses.map(({ range }) => range.start.line);
      const provider = {
        provideDocumentSymbols: () => [
          new vscode.DocumentSymbol(
            "release",
            "",
            vscode.SymbolKind.Function,
            new vscode.Range(1, 0, 2, 0),
            new vscode.Range(1, 0, 1, 1),
          ),
        ],
      };
      const ask = () => vscode.commands.executeCommand("vscode.executeCodeLensProvider", uri);
      const before = lineOf(
        await until(ask, (lenses) => lenses.length > 0, "no lens above a line with a commit"),
      );
      assert.ok(!before.includes(1), `a lens stands at line 1 already: ${before}`);
      const registration = vscode.languages.registerDocumentSymbolProvider(
        { pattern: uri.fsPath },
        provider,
      );
      try {
        await until(ask, (lenses) => lineOf(lenses).includes(1), "no lens above the declaration");
      } finally {
        registration.dispose();
      }
      await until(ask, (lenses) => !lineOf(lenses).includes(1), "the lens stays");
    },
  ];

  yield [
    "lenses do not wait for an extension that is slow, and follow it when it is done",
    async () => {
      const uri = file("CHANGELOG.md");
      const lineOf = (lenses) => lenses.map(({ range }) => range.start.line);
      let done;
      const slow = new Promise((resolve) => (done = resolve));
      const release = new vscode.DocumentSymbol(
        "release",
        "",
        vscode.SymbolKind.Function,
        new vscode.Range(1, 0, 2, 0),
        new vscode.Range(1, 0, 1, 1),
      );
      const registration = vscode.languages.registerDocumentSymbolProvider(
        { pattern: uri.fsPath },
        { provideDocumentSymbols: () => slow.then(() => [release]) },
      );
      const ask = () => vscode.commands.executeCommand("vscode.executeCodeLensProvider", uri);
      try {
        // Somebody else may have switched lenses off for a moment.
        const before = lineOf(
          await until(ask, (lenses) => lenses.length > 0, "no lens above a line with a commit"),
        );
        assert.ok(!before.includes(1), `a lens stands above the declaration already: ${before}`);
        done();
        await until(ask, (lenses) => lineOf(lenses).includes(1), "no lens above the declaration");
      } finally {
        done();
        registration.dispose();
      }
      await until(ask, (lenses) => !lineOf(lenses).includes(1), "the lens stays");
    },
  ];

  yield [
    "symbols of the workspace are commits",
    async () => {
      const found = await until(
        () => vscode.commands.executeCommand("vscode.executeWorkspaceSymbolProvider", short),
        (symbols) => symbols.some(({ name }) => name.startsWith(short)),
        "no symbol",
      );
      const { name, location } = found.find((symbol) => symbol.name.startsWith(short));
      assert.equal(name, `${short} ${facts.subject}`);
      assert.equal(location.uri.scheme, "cabhfuil");
      const document = await vscode.workspace.openTextDocument(location.uri);
      assert.equal(document.languageId, "cabhfuil-commit");
      assert.ok(document.getText().startsWith(`commit ${facts.sha}\n`));
    },
  ];

  yield [
    "the server's commands answer as the command line does",
    async () => {
      const answers = await vscode.commands.executeCommand("cabhfuil.where", { keys: [short] });
      assert.equal(answers[0].matches[0].commit.sha, facts.sha);
      const status = await vscode.commands.executeCommand("cabhfuil.status", {});
      assert.equal(status.health.state, "ok", JSON.stringify(status.health));
    },
  ];

  yield [
    "the extension says nothing of telemetry and downloads nothing",
    () => {
      const { packageJSON } = vscode.extensions.getExtension(id);
      assert.equal(packageJSON.contributes.telemetry, undefined);
      assert.deepEqual(packageJSON.activationEvents, ["onStartupFinished"]);
      assert.deepEqual(packageJSON.extensionKind, ["workspace"]);
      assert.equal(packageJSON.capabilities.untrustedWorkspaces.supported, "limited");
      assert.equal(packageJSON.capabilities.virtualWorkspaces.supported, false);
    },
  ];
}
