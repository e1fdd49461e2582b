// The extension that tests through the editor's API: packs it, and tells how its
// tests went.

import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";

const here = import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname);

/** Packs the extension in api/. */
export function apiExtension(scratch) {
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

/** Tells how the tests went whose results are written to a file, once they are over. */
export async function apiResults(file, report) {
  for (const end = Date.now() + 120_000; !existsSync(file);) {
    if (Date.now() > end) {
      throw new Error("the tests through the editor's API did not end");
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  for (const { name, error } of JSON.parse(readFileSync(file, "utf8"))) {
    if (error === undefined) {
      report.pass(`api: ${name}`);
    } else {
      report.fail(`api: ${name}`, error);
    }
  }
}
