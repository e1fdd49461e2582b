// What somebody does in a window of a repository, step by step, in the dark theme.

import path from "node:path";
import { writeSettings } from "./codeserver.mjs";
import { Page } from "./page.mjs";

const editor = ".editor-group-container.active";
const sideBar = ".part.sidebar";
const pick = ".quick-input-widget";

/** house is what vscode.mjs made: the browser, the address, the facts of the fixture and the report. */
export async function scenario({ browser, address, facts, report, scale }) {
  const folder = encodeURIComponent(facts.directory);
  const page = await Page.open(browser, `${address}/?folder=${folder}`, { scale });
  const short = facts.sha.slice(0, 12);
  const shot = (name) => page.screenshot(report.file(name));
  // For the documentation and the walkthrough.
  const keep = async (name, selectors, limits) => {
    for (const where of ["docs", "walkthrough"]) {
      await page.picture(report.file(name, where), selectors, limits);
    }
  };
  const document = async () => {
    await page.waitForTab(`${facts.sha.slice(0, 8)}`);
    await page.waitForEditorText(`commit ${facts.sha}`);
    await page.waitForToken("commit");
  };
  const back = async () => {
    await page.closeTab();
    await page.openFile("CHANGELOG.md");
  };
  const run = (name, body) => report.check(page, name, body, () => page.recover());

  await page.openFile("CHANGELOG.md");
  await run("a lens above a line that names a commit shows its lines", async () => {
    const { text } = await page.lensAbove(short);
    page.expect(text.includes(facts.upstream), `the lens: ${text}`);
  });
  await run("lenses go and come with the setting", async () => {
    // The window watches its workspace's file, and not code-server's of the user.
    const workspace = path.join(facts.directory, ".vscode");
    writeSettings(workspace, { "cabhfuil.codeLens": false });
    await page.waitForNoLens();
    writeSettings(workspace, {});
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
    await keep("hover", [editor], { stay: true, bottom: (await page.hoverEnd()) + 10 });
  });
  if (facts.source) {
    await run("a change that is on one line has nothing to compare", async () => {
      const hover = await page.hover(facts.other);
      page.expect(hover.includes("Copy as Fixes: line"), `the hover lacks its commands: ${hover}`);
      page.expect(!hover.includes("Compare lines"), `the hover compares one line: ${hover}`);
    });
  }
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
    await page.picture(report.file("commit", "docs"), [editor], { bottom: 547 });
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
    await page.picture(report.file("symbols", "docs"), [pick]);
    await page.press("Enter");
    await document();
    await back();
  });
  await run("the search command finds the commit", async () => {
    await page.commandWithPick("Cá Bhfuil: Search Commits", "author:");
    await page.waitForEntry("backport-of:");
    await page.type(`commit:${short}`);
    await page.waitForPick(facts.subject);
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
  await run("the search command takes words and operators", async () => {
    await page.commandWithPick("Cá Bhfuil: Search Commits", "author:");
    const words = facts.subject.split(" ").at(-1);
    await page.type(`${words} in:${facts.upstream}`);
    await page.waitForPick(words);
    await shot("search");
    await keep("search", [pick]);
    await page.press("Escape");
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
    if (facts.line) {
      const row = await page.waitForRow(facts.line);
      page.expect(/backport/.test(row), `the row of the release line: ${row}`);
    }
    await page.widenSideBar(380);
    await shot("lines");
    await keep("lines", [sideBar, editor], { bottom: 228 });
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
    await page.openRowMenu(facts.upstream);
    await page.clickMenu("Copy SHA");
    await page.waitForStatus(`Copied ${facts.sha}`);
    await page.clickRow(facts.upstream);
    await document();
    await back();
  });
  if (facts.source) {
    await run(
      "a lens above a function says who changed it last, and its click shows that",
      async () => {
        await page.openFile(path.basename(facts.source));
        const { text, lens } = await page.lensAbove("def pressure(valves)");
        page.expect(/ ago · ✓ main$/.test(text), `the lens: ${text}`);
        await page.picture(report.file("lens", "docs"), [editor], { bottom: 500 });
        await lens.click();
        await page.waitForEditorText("Report the pressure");
        await back();
      },
    );
  }
  if (facts.source) {
    await run("the hover of a line's newest change has the commands, too", async () => {
      const workspace = path.join(facts.directory, ".vscode");
      writeSettings(workspace, { "cabhfuil.blameHover": true });
      try {
        await page.openFile(path.basename(facts.source));
        const hover = await page.hover("return max");
        page.expect(hover.includes("Report the pressure"), `the hover: ${hover}`);
        await page.clickInHover("Show commit");
        await page.waitForEditorText("Report the pressure");
      } finally {
        writeSettings(workspace, {});
      }
      await back();
    });
  }
  await run("the setting for the trace has it written", async () => {
    const workspace = path.join(facts.directory, ".vscode");
    writeSettings(workspace, { "cabhfuil.trace.server": "messages" });
    try {
      await page.pick("F1", "Output: Show Output Channels", "Show Output Channels");
      await page.press("Enter");
      await page.waitForEntry("Cá Bhfuil Trace");
      await page.type("Cá Bhfuil Trace");
      await page.waitForPick("Cá Bhfuil Trace");
      await page.press("Enter");
      await page.hover(short);
      await page.waitForOutput("textDocument/hover");
      await shot("trace");
    } finally {
      writeSettings(workspace, {});
    }
    await page.press("Control+j");
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
    await page.waitForNoDialog();
  });
  await run("the status is quiet, and its menu tells of the repository", async () => {
    await page.waitForStatus("Cá Bhfuil");
    await page.clickStatus("Cá Bhfuil");
    const entries = await page.entries();
    for (const expected of [path.basename(facts.directory), "up to date", "Search Commits"]) {
      page.expect(entries.includes(expected), `the menu lacks “${expected}”: ${entries}`);
    }
    await shot("menu");
    await keep("menu", [pick]);
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
      await page.waitForNoHover();
      await page.toggleView("Release Lines");
      await page.widenSideBar(470);
      await keep("missing", [sideBar, editor], { bottom: 210 });
      await page.widenSideBar(380);
      await page.toggleView("Release Lines");
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
  await run("the walkthrough opens, and shows the picture of a step", async () => {
    await page.press("Escape");
    await page.press("Control+b");
    await page.pick("F1", "Welcome: Open Walkthrough", "Open Walkthrough");
    await page.press("Enter");
    await page.waitForEntry("Where is my fix?");
    await page.type("Where is my fix?");
    await page.waitForPick("Where is my fix?");
    await page.press("Enter");
    await page.clickButton("Point at a commit");
    await page.waitForWebviewImage();
    await shot("walkthrough");
    await page.clickButton("Open the Newest Commit");
    await page.waitForTab(".commit");
    await page.waitForEditorText("commit ");
    await page.closeTab();
    await page.closeTab();
  });
  await run("nothing but loopback was asked for", () => {
    page.expect(page.strangers.size === 0, [...page.strangers].join(" "));
  });
  await page.close();
}

/** What the other themes show, and whether it can be read. */
export async function looks({ browser, address, facts, report, scale }, theme, least) {
  const folder = encodeURIComponent(facts.directory);
  const page = await Page.open(browser, `${address}/?folder=${folder}`, { scale });
  const short = facts.sha.slice(0, 12);
  const shot = (name) => page.screenshot(report.file(`${name}-${theme}`));
  const run = (name, body) => report.check(page, `${theme}: ${name}`, body, () => page.recover());
  const readable = async (what, selector) => {
    const found = await page.contrast(selector);
    page.expect(found >= least, `the contrast of ${what} is ${found.toFixed(1)}, below ${least}`);
  };

  await page.openFile("CHANGELOG.md");
  await run("lenses and hovers can be read", async () => {
    await page.waitForLens(facts.upstream);
    await page.hover(short);
    await shot("hover");
    if (["light", "high-contrast"].includes(theme)) {
      await page.picture(report.file(`hover-${theme}`, "docs"), [editor], {
        stay: true,
        bottom: (await page.hoverEnd()) + 10,
      });
    }
    await readable("a lens", `${editor} .codelens-decoration a`);
    await readable("a hover's text", `${page.hoverBox} p`);
    await readable("a hover's SHA", `${page.hoverBox} code`);
    await readable("a hover's link", `${page.hoverBox} a`);
    await page.press("Escape");
  });
  await run("views and the status can be read", async () => {
    await page.clickText(short);
    await page.openView("Release Lines", facts.upstream);
    await page.waitForRow("contains");
    await page.widenSideBar(380);
    await shot("lines");
    if (theme === "high-contrast-light") {
      await page.picture(report.file(`lines-${theme}`, "docs"), [sideBar, editor], { bottom: 228 });
    }
    await readable("a line's name", `${sideBar} .monaco-list-row .label-name`);
    await readable("a line's state", `${sideBar} .monaco-list-row .label-description`);
    await readable("the status", '.part.statusbar .statusbar-item[aria-label*="Cá Bhfuil"] a');
  });
  await run("a commit's document opens", async () => {
    await page.clickLens(0);
    await page.waitForEditorText(`commit ${facts.sha}`);
    await page.waitForToken("commit");
    await shot("commit");
    for (const text of ["commit", "Parents:", facts.upstream, "diff", "+++", "@@"]) {
      await readable(`“${text}”`, `${editor} .view-line span span:has-text("${text}")`);
    }
  });
  await page.close();
}
