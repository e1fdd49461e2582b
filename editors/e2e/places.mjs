// Windows that are not one folder that is trusted: several folders, restricted
// mode, and folders that are on no disk.

import { chmodSync, existsSync, writeFileSync } from "node:fs";
import path from "node:path";
import { apiResults } from "./apiResults.mjs";
import { writeSettings } from "./codeserver.mjs";
import { commits } from "./fixtures.mjs";
import { Page } from "./page.mjs";

function workspace(scratch, name, folders) {
  const file = path.join(scratch, `${name}.code-workspace`);
  writeFileSync(file, JSON.stringify({ folders }));
  return file;
}

/** Two repositories in one window. */
export async function severalFolders({ browser, server, facts, report, scratch, scale }) {
  const other = commits(path.join(scratch, "pumps"), server.env, 40);
  const file = workspace(scratch, "both", [{ path: facts.directory }, { path: other.directory }]);
  const page = await Page.open(
    browser,
    `${server.address}/?workspace=${encodeURIComponent(file)}`,
    { scale },
  );
  for (const [name, { sha, subject }, line] of [
    ["CHANGELOG.md", facts, facts.line],
    ["NEWS.md", other, other.line],
  ]) {
    const short = sha.slice(0, 12);
    await report.check(page, `two folders: lenses and hovers in ${name}`, async () => {
      await page.openFile(name);
      const { text } = await page.lensAbove(short);
      page.expect(text.includes(line), `the lens: ${text}`);
      const hover = await page.hover(short);
      for (const expected of [subject, line]) {
        page.expect(hover.includes(expected), `the hover lacks “${expected}”: ${hover}`);
      }
      await page.press("Escape");
    });
  }
  await report.check(page, "two folders: release lines follow from one to the other", async () => {
    await page.clickText(other.sha.slice(0, 12));
    await page.openView("Release Lines", other.line);
    await page.openFile("CHANGELOG.md");
    await page.clickText(facts.sha.slice(0, 12));
    await page.waitForRow(facts.line);
    await page.waitForNoRow(other.line);
  });
  await report.check(page, "two folders: the menu tells of both", async () => {
    await page.clickStatus("Cá Bhfuil");
    const entries = await page.entries();
    for (const expected of [`~/${path.basename(facts.directory)}`, other.directory]) {
      page.expect(entries.includes(expected), `the menu lacks “${expected}”: ${entries}`);
    }
    await page.screenshot(report.file("two-folders"));
    // The entry of a repository leads to its lines, whatever file is shown.
    await page.type(other.directory);
    await page.waitForPick("pumps");
    await page.press("Enter");
    await page.waitForEntry(other.line);
    page.expect(!(await page.entries()).includes(facts.line), "lines of the other repository");
    await page.press("Escape");
  });
  await report.check(page, "what looks like an icon is shown as it is", async () => {
    await page.pick("Control+t", "number40", other.subject);
    await page.press("Escape");
    await page.commandWithPick("Cá Bhfuil: Search Commits", "author:");
    await page.type("number40");
    await page.waitForPick(other.subject);
    await page.press("Escape");
  });
  await page.close();
}

/** Restricted mode: the workspace names a program, which must not run. */
export async function restricted({ browser, server, facts, report, scratch, scale, theme }) {
  const ran = path.join(scratch, "it-ran");
  const program = path.join(scratch, "from-the-workspace");
  writeFileSync(program, `#!/bin/sh\ntouch '${ran}'\necho cabhfuil-lsp 9.9.9\n`);
  chmodSync(program, 0o755);
  const settings = path.join(facts.directory, ".vscode");
  writeSettings(settings, { "cabhfuil.server.path": program });
  server.setUser(theme, {
    "security.workspace.trust.enabled": true,
    "security.workspace.trust.startupPrompt": "never",
    "security.workspace.trust.banner": "never",
  });
  const folder = encodeURIComponent(facts.directory);
  const page = await Page.open(browser, `${server.address}/?folder=${folder}`, { scale });
  await report.check(page, "an untrusted folder has lenses and hovers", async () => {
    await page.waitForStatus("Restricted Mode");
    await page.openFile("CHANGELOG.md");
    const short = facts.sha.slice(0, 12);
    await page.lensAbove(short);
    const hover = await page.hover(short);
    page.expect(hover.includes(facts.subject), `the hover lacks the subject: ${hover}`);
    await page.press("Escape");
  });
  await report.check(page, "an untrusted folder does not choose the program", () => {
    page.expect(!existsSync(ran), "the program of the workspace ran");
  });
  await report.check(page, "the editor says what is limited in an untrusted folder", async () => {
    await page.extensions("@workspaceUnsupported:untrustedPartial", "Cá Bhfuil");
    await page.screenshot(report.file("restricted"));
  });
  await page.close();
  server.setUser(theme);
  writeSettings(settings, {});
}

/** A folder that an extension provides: there is no repository on a disk. */
export async function virtualFolder({ browser, server, report, scratch, scale }) {
  const uri = "cabhfuil-e2e:/virtual";
  const file = workspace(scratch, "virtual", [{ uri, name: "virtual" }]);
  const page = await Page.open(
    browser,
    `${server.address}/?workspace=${encodeURIComponent(file)}`,
    { scale },
  );
  await report.check(
    page,
    "in a virtual folder the extension is off, and the editor says why",
    async () => {
      await page.extensions("@workspaceUnsupported:virtual", "Cá Bhfuil");
      await page.screenshot(report.file("virtual"));
      await page.waitForNoStatus("Cá Bhfuil");
    },
  );
  await apiResults(`${server.env.CABHFUIL_E2E_RESULTS}.virtual`, report);
  await page.close();
}
