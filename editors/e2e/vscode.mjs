// Drives a real VS Code (code-server) with the packaged extension in a headless
// Chromium, and checks by what the page shows. Prints a line for each check,
// keeps screenshots, and exits 1 when a check failed.
//
//   node vscode.mjs --server BINARY --repository DIRECTORY --vsix FILE
//        [--screenshots DIRECTORY] [--pictures] [--only NAME]…
//
// --pictures makes also the pictures of the documentation, in the folders docs and
// walkthrough of the screenshots. --only names parts: see below. install.sh brings
// what it needs. Only loopback addresses are reached.

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { apiExtension, apiResults } from "./apiResults.mjs";
import { CodeServer, launchBrowser } from "./codeserver.mjs";
import { fixture } from "./fixtures.mjs";
import { newcomer } from "./newcomer.mjs";
import { restricted, severalFolders, virtualFolder } from "./places.mjs";
import { Report } from "./report.mjs";
import { looks, scenario } from "./scenario.mjs";
import { speed } from "./speed.mjs";
import { troubles } from "./troubles.mjs";

const { values: args } = parseArgs({
  options: {
    server: { type: "string" },
    repository: { type: "string" },
    vsix: { type: "string" },
    screenshots: { type: "string", default: "test-results/vscode" },
    pictures: { type: "boolean", default: false },
    only: { type: "string", multiple: true },
  },
});
if (!args.server || !args.repository || !args.vsix) {
  console.error("usage: see the head of vscode.mjs");
  process.exit(2);
}

const dark = "Default Dark Modern";
const here = import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname);
const scratch = mkdtempSync(path.join(tmpdir(), "cabhfuil-e2e-"));
const server = new CodeServer(scratch);
const report = new Report(args.screenshots);
const program = path.resolve(args.server);
const house = {
  server,
  report,
  scratch,
  program,
  top: path.resolve(here, "../.."),
  theme: dark,
  // Sharp on every screen, where people look.
  scale: args.pictures ? 2 : 1,
  facts: fixture(server.env.HOME, server.env, args.repository),
};

/** The parts in their order: the first window runs the tests through the API, too. */
const parts = {
  scenario: () => scenario(house),
  api: () => apiResults(server.env.CABHFUIL_E2E_RESULTS, report),
  speed: () => speed(house),
  looks: async () => {
    for (const [theme, name, contrast] of [
      ["light", "Default Light Modern", 1],
      ["high-contrast", "Default High Contrast", 4.5],
      ["high-contrast-light", "Default High Contrast Light", 4.5],
    ]) {
      server.setUser(name);
      await looks(house, theme, contrast);
    }
    server.setUser(dark);
  },
  places: async () => {
    await severalFolders(house);
    await restricted(house);
    await virtualFolder(house);
  },
  troubles: () => troubles(house),
  newcomer: () => (args.pictures ? newcomer(house) : undefined),
};

const began = Date.now();
try {
  // What the extension in api/ is to know, and where it says how its tests went. They
  // run in the first window, beside what is done there.
  server.env.CABHFUIL_E2E_FACTS = JSON.stringify(house.facts);
  if (!args.only || args.only.some((name) => ["api", "places"].includes(name))) {
    server.env.CABHFUIL_E2E_RESULTS = path.join(scratch, "api.json");
  }
  server.setServer(program);
  server.setUser(dark);
  server.install(path.resolve(args.vsix));
  server.install(apiExtension(scratch));
  await server.start();
  house.address = server.address;
  house.browser = await launchBrowser();
  for (const [name, run] of Object.entries(parts)) {
    if (!args.only || args.only.includes(name)) {
      const since = Date.now();
      await run();
      console.log(`     ${name}: ${((Date.now() - since) / 1000).toFixed(0)} s`);
    }
  }
} catch (error) {
  report.fail("the run", error.stack);
} finally {
  await house.browser?.close();
  await server.stop();
  spawnSync(program, ["stop"], { env: server.env });
  rmSync(scratch, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
}
const seconds = ((Date.now() - began) / 1000).toFixed(0);
console.log(`${report.passed} passed, ${report.failed} failed, in ${seconds} s`);
process.exitCode = report.failed === 0 ? 0 : 1;
