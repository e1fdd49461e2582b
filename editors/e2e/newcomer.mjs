// Pictures of the README's steps: what a terminal shows of their commands, and
// what the editor shows of what they wrote. The steps are run in an empty home, as
// internal/docs does, whose test holds them.

import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { modules } from "./codeserver.mjs";
import { Page } from "./page.mjs";

/** The numbered steps: their commands, those of blocks marked "sh test". */
export function steps(readme) {
  const section = readme.split("\n## ").find((text) => text.startsWith("From nothing to a hover"));
  return section
    .split(/^(?=\d+\. )/m)
    .slice(1)
    .map((step) =>
      [...step.matchAll(/^( *)```sh test\n(.*?)^ *```$/gms)].flatMap(([, , block]) =>
        block
          .trim()
          .split("\n")
          .map((line) => line.trim()),
      ),
    );
}

const columns = 92;

/**
 * What a newcomer clones: the source as it is committed, in one commit whose name,
 * author and date never change, so that the pictures do not change with each commit.
 */
function source(top, directory) {
  const script = `
    git init --quiet --template= --initial-branch=main "$1"
    git -C "$0" archive HEAD | tar --extract --directory="$1"
    cd "$1"
    git add --all
    git commit --quiet --message='Tell where a fix is'
    git tag v0.1.0`;
  const person = { NAME: "Aoife Byrne", EMAIL: "aoife@example.org", DATE: "2025-03-01T12:00:00Z" };
  const identity = Object.entries(person).flatMap(([name, value]) => [
    [`GIT_AUTHOR_${name}`, value],
    [`GIT_COMMITTER_${name}`, value],
  ]);
  const made = spawnSync("bash", ["-euc", script, top, directory], {
    encoding: "utf8",
    env: {
      PATH: process.env.PATH,
      HOME: path.dirname(directory),
      GIT_CONFIG_NOSYSTEM: "1",
      ...Object.fromEntries(identity),
    },
  });
  if (made.status !== 0) {
    throw new Error(`the source: ${made.stderr}`);
  }
}

/** Runs the steps at a terminal; what it showed of each. */
function shown(top, origin, home, env) {
  const go = ["GOMODCACHE", "GOCACHE", "GOPROXY", "GOSUMDB", "GOTOOLCHAIN"].map((name) => [
    name,
    spawnSync("go", ["env", name], { encoding: "utf8", cwd: top }).stdout.trim(),
  ]);
  mkdirSync(path.join(home, "run"), { recursive: true, mode: 0o700 });
  writeFileSync(path.join(home, ".gitconfig"), "[safe]\n\tdirectory = *\n");
  const quote = (text) => `'${text.replaceAll("'", "'\\''")}'`;
  const script = ["set -euo pipefail", `stty cols ${columns} rows 40`];
  for (const commands of steps(readFileSync(path.join(top, "README.md"), "utf8"))) {
    for (const command of commands) {
      script.push(`printf '\\e[32m$\\e[0m %s\\n' ${quote(command)}`);
      script.push(command.replace("ADDRESS", `file://${origin}`));
    }
    script.push("printf '\\036'");
  }
  const file = path.join(home, "steps.sh");
  writeFileSync(file, script.join("\n"));
  const done = spawnSync("script", ["-qefc", `bash ${file}`, "/dev/null"], {
    cwd: home,
    encoding: "utf8",
    maxBuffer: 1 << 24,
    env: {
      ...Object.fromEntries(go),
      PATH: `${home}/.local/bin:${env.PATH}`,
      HOME: home,
      LANG: "C.UTF-8",
      TERM: "xterm-256color",
      XDG_RUNTIME_DIR: path.join(home, "run"),
      GIT_CONFIG_NOSYSTEM: "1",
    },
  });
  spawnSync(path.join(home, ".local/bin/cabhfuil-lsp"), ["stop"], {
    env: { HOME: home, PATH: env.PATH, XDG_RUNTIME_DIR: path.join(home, "run") },
  });
  if (done.status !== 0) {
    throw new Error(`the README's steps: ${done.stdout}${done.stderr}`);
  }
  return done.stdout.replaceAll(home, "~").split("\x1e").slice(0, -1);
}

/** Draws what a terminal was sent, with its colours, by the editor's own terminal. */
async function drawTerminal(browser, output, file, scale) {
  const context = await browser.newContext({ deviceScaleFactor: scale });
  const page = await context.newPage();
  const xterm = path.join(modules, "code-server/lib/vscode/node_modules/@xterm/xterm");
  await page.setContent('<body style="margin:0;background:#1f1f1f"><div id="t"></div></body>');
  await page.addStyleTag({ path: path.join(xterm, "css/xterm.css") });
  await page.addScriptTag({ path: path.join(xterm, "lib/xterm.js") });
  await page.evaluate(
    async ({ text, cols }) => {
      const terminal = new globalThis.Terminal({
        cols,
        rows: 60,
        fontFamily: "DejaVu Sans Mono",
        fontSize: 13,
        theme: { background: "#1f1f1f", foreground: "#cccccc" },
      });
      terminal.open(globalThis.document.querySelector("#t"));
      await new Promise((resolve) => terminal.write(`\x1b[?25l${text.trimEnd()}`, resolve));
      terminal.resize(cols, terminal.buffer.active.baseY + terminal.buffer.active.cursorY + 1);
    },
    { text: output, cols: columns },
  );
  await page.waitForFunction(() => globalThis.document.querySelector(".xterm-rows")?.textContent);
  const { width, height } = await page.locator(".xterm-screen").boundingBox();
  await page.setViewportSize({ width: Math.ceil(width) + 20, height: Math.ceil(height) + 20 });
  await page.addStyleTag({ content: "#t { padding: 10px }" });
  await page.screenshot({ path: file });
  await context.close();
}

export async function newcomer({ browser, server, report, scratch, top, scale }) {
  const home = path.join(scratch, "newcomer");
  mkdirSync(home);
  const origin = path.join(scratch, "origin");
  source(top, origin);
  const outputs = shown(top, origin, home, server.env);
  for (const [i, output] of outputs.entries()) {
    if (output.trim() !== "" && i !== 3) {
      await drawTerminal(browser, output, report.file(`step-${i + 1}`, "docs"), scale);
    }
  }
  const folder = encodeURIComponent(path.join(home, "cabhfuil-lsp"));
  const page = await Page.open(browser, `${server.address}/?folder=${folder}`, { scale });
  await report.check(page, "the README's steps lead to a hover", async () => {
    const note = readFileSync(path.join(home, "cabhfuil-lsp/note.txt"), "utf8");
    const [sha] = /[0-9a-f]{7,}/.exec(note);
    await page.openFile("note.txt");
    await page.lensAbove(sha);
    const hover = await page.hover(sha);
    page.expect(hover.includes("✓"), `the hover: ${hover}`);
    await page.picture(report.file("step-6", "docs"), [".editor-group-container.active"], {
      stay: true,
      bottom: (await page.hoverEnd()) + 10,
    });
    await page.press("Escape");
  });
  await report.check(page, "the extension shows among the installed ones", async () => {
    const row = await page.extensions("@installed Cá Bhfuil", "Point at a commit");
    await row.click();
    await page.waitForText("Uninstall");
    await page.picture(report.file("step-4", "docs"), [".extension-editor .header"]);
  });
  await page.close();
}
