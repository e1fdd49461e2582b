// Packs the extension: cabhfuil.vsix without a server, and for each platform that
// has one cabhfuil-PLATFORM.vsix with it. With SOURCE_DATE_EPOCH set, the same
// sources give the same bytes.
//
//   npm run package:all -- DIRECTORY
//
// DIRECTORY holds a server with its licences in a directory for each platform, by
// VS Code's names: linux-x64/cabhfuil-lsp, win32-arm64/cabhfuil-lsp.exe.

import { execFileSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

const servers = process.argv[2];
if (servers === undefined) {
  console.error("usage: npm run package:all -- DIRECTORY");
  process.exit(2);
}

// Built once: vsce would do it again for each package.
execFileSync("npm", ["run", "--silent", "vscode:prepublish"], { stdio: "inherit" });

const stage = mkdtempSync(path.join(tmpdir(), "cabhfuil-vsix-"));
try {
  for (const name of readdirSync(".")) {
    if (!["node_modules", "out", "src", "test", "tools", "bin"].includes(name)) {
      cpSync(name, path.join(stage, name), { recursive: true });
    }
  }
  const manifest = JSON.parse(readFileSync("package.json", "utf8"));
  delete manifest.scripts;
  delete manifest.devDependencies;
  writeFileSync(path.join(stage, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
  pack(undefined);
  for (const platform of readdirSync(servers).sort()) {
    rmSync(path.join(stage, "bin"), { recursive: true, force: true });
    mkdirSync(path.join(stage, "bin"));
    cpSync(path.join(servers, platform), path.join(stage, "bin"), { recursive: true });
    pack(platform);
  }
} finally {
  rmSync(stage, { recursive: true, force: true });
}

function pack(platform) {
  readable(stage);
  const file = path.resolve(platform === undefined ? "cabhfuil.vsix" : `cabhfuil-${platform}.vsix`);
  const target = platform === undefined ? [] : ["--target", platform];
  const vsce = path.resolve("node_modules/@vscode/vsce/vsce");
  // A zip holds local times.
  execFileSync(process.execPath, [vsce, "package", "--no-dependencies", ...target, "--out", file], {
    cwd: stage,
    stdio: "inherit",
    env: { ...process.env, TZ: "UTC" },
  });
}

/** Modes that depend on no umask; only the server is a program. */
function readable(directory) {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const file = path.join(directory, entry.name);
    if (entry.isDirectory()) {
      readable(file);
    } else {
      chmodSync(file, entry.name.startsWith("cabhfuil-lsp") ? 0o755 : 0o644);
    }
  }
}
