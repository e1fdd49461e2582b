// What is seen while a repository is being indexed, and when the server is not there.

import { chmodSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { commits } from "./fixtures.mjs";
import { Page } from "./page.mjs";

export async function troubles({ browser, server, facts, report, scratch, program, scale }) {
  const open = (folder) =>
    Page.open(browser, `${server.address}/?folder=${encodeURIComponent(folder)}`, { scale });
  const shot = (page, name) => page.screenshot(report.file(name));

  const { directory } = commits(path.join(scratch, "many"), server.env, 200_000);
  const many = await open(directory);
  await report.check(
    many,
    "the status tells how far indexing is, and when it is over",
    async () => {
      await many.waitForStatus(/Cá Bhfuil \d+\s%/);
      await many.picture(report.file("indexing", "docs"), [".part.statusbar"], { right: 700 });
      await many.waitForNoStatus(/Cá Bhfuil \d+\s%/);
      await many.clickStatus("Cá Bhfuil");
      const entries = await many.entries();
      many.expect(entries.includes("up to date"), `the menu: ${entries}`);
    },
  );
  await many.close();

  let page = await open(facts.directory);
  const kill = async () => {
    const running = server.servers(program);
    page.expect(running.length > 0, "there was no server to kill");
    for (const { pid } of running) {
      process.kill(pid, "SIGKILL");
    }
  };
  const hovered = async () => {
    const hover = await page.hover(facts.sha.slice(0, 12));
    page.expect(hover.includes(facts.subject), `the hover lacks the subject: ${hover}`);
  };
  await report.check(page, "a server that was killed comes back", async () => {
    await page.openFile("CHANGELOG.md");
    await page.waitForLens(facts.upstream);
    await kill();
    await hovered();
  });
  await report.check(
    page,
    "a server that is killed again and again stays down until it is asked for",
    async () => {
      const over = "ended several times in a row and stays down";
      for (let killed = 1; killed < 5; killed++) {
        await hovered();
        await kill();
      }
      await page.waitForNotification(over);
      await page.waitForStatusName(over);
      await shot(page, "killed");
      await page.clickNotification(over, "Try Again");
      await hovered();
    },
  );
  await report.check(page, "a server that hangs is ended, and another one started", async () => {
    const [{ pid }] = server.servers(program);
    process.kill(pid, "SIGSTOP");
    await page.clickStatus("Cá Bhfuil");
    await page.waitForEntry("The server does not answer.");
    await shot(page, "silent");
    await page.waitForStatusName("does not answer");
    await page.type("Restart Server");
    await page.waitForPick("Restart Server");
    await page.press("Enter");
    await hovered();
    page.expect(!server.servers(program).some((one) => one.pid === pid), "it is still there");
  });
  await page.close();

  // Programs that are no good, until there is a file.
  const good = path.join(scratch, "good");
  const bad = (version, otherwise) => {
    const file = path.join(scratch, "bad-server");
    writeFileSync(
      file,
      `#!/bin/sh
[ "$1" = version ] && { echo cabhfuil-lsp ${version}; exit; }
[ -e '${good}' ] && exec '${program}' "$@"
${otherwise}
`,
    );
    chmodSync(file, 0o755);
    server.setServer(file);
  };
  bad("0.1.0", "exec sleep 1000");
  page = await open(facts.directory);
  await report.check(page, "a server that never answers is told, and can be replaced", async () => {
    await page.waitForStatusName("starting");
    await page.waitForNotification("does not answer");
    await shot(page, "no-answer");
    await page.clickNotification("does not answer", "Try Again");
    await page.waitForStatusName("starting");
    writeFileSync(good, "");
    await page.command("Cá Bhfuil: Restart Server");
    await page.openFile("CHANGELOG.md");
    await hovered();
  });
  await page.close();
  rmSync(good);
  bad("0.1.0", "exit 3");
  page = await open(facts.directory);
  await report.check(
    page,
    "a server that ends at once is started a few times, and told",
    async () => {
      await page.waitForNotification("ended several times in a row and stays down");
      page.expect((await page.notifications()) === 1, "more than one message");
    },
  );
  await page.close();
  bad("9.0.0", "exit 3");
  page = await open(facts.directory);
  await report.check(page, "a server of another version is told", async () => {
    await page.waitForNotification("has version 9.0.0; this extension works with");
    await shot(page, "wrong-version");
  });
  await page.close();

  for (const [name, setting, expected] of [
    ["a wrong setting is told", "/nowhere/cabhfuil-lsp", "where no program is"],
    ["a server that is not there is told", "", "cabhfuil-lsp was not found"],
  ]) {
    server.setServer(setting);
    page = await open(facts.directory);
    await report.check(page, name, async () => {
      await page.waitForNotification(expected);
      await page.waitForStatusName(expected);
      await shot(page, setting === "" ? "no-server" : "wrong-setting");
      await page.clickStatus("Cá Bhfuil");
      const entries = await page.entries();
      page.expect(entries.includes(expected), `the menu lacks the problem: ${entries}`);
      await page.press("Escape");
      await page.command("Cá Bhfuil: Focus on Release Lines View");
      await page.waitForText("The server does not run.");
    });
    await page.close();
  }
  server.setServer(program);
}
