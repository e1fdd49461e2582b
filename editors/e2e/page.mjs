// What a person does in a window of VS Code and sees there, as functions. All
// waits are for something to be on the page.

const patience = 30_000; // a repository may still be being read
const loopback = /^(127\.\d+\.\d+\.\d+|localhost|\[::1\])$/;

export class Page {
  #page;

  /** The hosts other than this machine that the page asked for. */
  strangers = new Set();

  static async open(browser, address) {
    const page = new Page();
    await page.#open(browser, address);
    return page;
  }

  async #open(browser, address) {
    const context = await browser.newContext({ viewport: { width: 1100, height: 640 } });
    this.#page = await context.newPage();
    this.#page.setDefaultTimeout(patience);
    await context.route("**/*", (route) => {
      const url = new URL(route.request().url());
      if (!url.protocol.startsWith("http") || loopback.test(url.hostname)) {
        return route.continue();
      }
      this.strangers.add(url.hostname);
      return route.abort();
    });
    // The first window may load for long on a busy machine.
    await this.#page.goto(address, { timeout: 4 * patience });
    await this.#page.locator(".monaco-workbench .part.statusbar .statusbar-item").first().waitFor();
    // The file list takes keys only once the explorer has its rows.
    await this.#page.locator(".explorer-folders-view .monaco-list-row").first().waitFor();
  }

  async close() {
    await this.#page.context().close();
  }

  expect(holds, otherwise) {
    if (!holds) {
      throw new Error(otherwise);
    }
  }

  screenshot(file) {
    return this.#page.screenshot({ path: file, animations: "disabled", caret: "hide" });
  }

  press(key) {
    return this.#page.keyboard.press(key);
  }

  type(text) {
    return this.#page.keyboard.type(text);
  }

  async openFile(name) {
    await this.pick("Control+p", name, name);
    await this.press("Enter");
    await this.waitForTab(name);
    await this.#editor().locator(".view-line").first().waitFor();
  }

  /** Runs a command that opens a pick, which its placeholder tells from the palette. */
  async commandWithPick(title, placeholder) {
    await this.pick("F1", title, title);
    await this.press("Enter");
    await this.#page
      .locator(`.quick-input-widget input[placeholder*='${placeholder}']:visible`)
      .waitFor();
  }

  /** Leaves whatever a failed check left open, so that the next one starts clean. */
  async recover() {
    for (let i = 0; i < 3; i++) {
      await this.press("Escape");
    }
    await this.#page.locator(".quick-input-widget input:visible").waitFor({ state: "hidden" });
    await this.openFile("CHANGELOG.md");
  }

  /** Opens a quick pick by a key, types, and waits until it lists something. */
  async pick(key, text, expected) {
    await this.press(key);
    await this.#page.locator(".quick-input-widget input:visible").waitFor();
    await this.type(text);
    await this.waitForPick(expected);
  }

  /** Waits until Enter would take what is expected: rows of an earlier text may still show. */
  async waitForPick(expected) {
    await this.#page
      .locator(".quick-input-list .monaco-list-row.focused")
      .filter({ hasText: expected })
      .first()
      .waitFor();
  }

  async waitForTab(name) {
    await this.#page.locator(`.tab.active[data-resource-name*="${name}"]`).waitFor();
  }

  async closeTab() {
    await this.#page.locator(".tab.active").click({ button: "middle" });
  }

  #editor() {
    return this.#page.locator(".editor-group-container.active .monaco-editor").first();
  }

  async waitForEditorText(text) {
    // The editor draws spaces as no-break spaces.
    const drawn = text.replaceAll(" ", "[\\s\u00a0]+");
    await this.#editor()
      .locator(".view-line", { hasText: new RegExp(drawn) })
      .first()
      .waitFor();
  }

  #lenses(text) {
    return this.#editor().locator(".codelens-decoration a").filter({ hasText: text });
  }

  async waitForLens(text) {
    await this.#lenses(text).first().waitFor();
  }

  async waitForNoLens() {
    await this.#lenses("").first().waitFor({ state: "hidden" });
  }

  async clickLens(index) {
    await this.#lenses("").nth(index).click();
  }

  /** Where the editor draws a text: a token may be cut into several spans. */
  async #place(text) {
    const line = this.#editor().locator(".view-line", { hasText: text }).first();
    await line.waitFor();
    return await line.evaluate((element, wanted) => {
      const texts = [];
      const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
      for (let node = walker.nextNode(); node; node = walker.nextNode()) {
        texts.push(node);
      }
      const at = (offset) => {
        for (const node of texts) {
          if (offset <= node.length) {
            return [node, offset];
          }
          offset -= node.length;
        }
        throw new RangeError("past the line's end");
      };
      const start = element.textContent.indexOf(wanted);
      const range = document.createRange();
      range.setStart(...at(start + 1));
      range.setEnd(...at(start + wanted.length - 1));
      const box = range.getBoundingClientRect();
      return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
    }, text);
  }

  async clickText(text) {
    const { x, y } = await this.#place(text);
    await this.#page.mouse.click(x, y);
  }

  #hovers() {
    return this.#page.locator(".monaco-editor .monaco-hover:not(.hidden) .hover-row:visible");
  }

  /** Rests the pointer on a text until a hover shows; its text, row by row. */
  async hover(text) {
    // Lenses that come meanwhile push the text down, away from the mouse.
    for (let tries = 1; ; tries++) {
      await this.#rest(text);
      const own = this.#hovers().filter({ hasText: "Show commit" });
      try {
        await own.first().waitFor({ timeout: 6000 });
        break;
      } catch (error) {
        if (tries === 5) {
          throw error;
        }
      }
    }
    const rows = await this.#hovers().allInnerTexts();
    return rows.join("\n").replaceAll("\u00a0", " ");
  }

  async #rest(text) {
    await this.press("Escape");
    await this.#page.mouse.move(5, 5);
    await this.#hovers().first().waitFor({ state: "hidden" });
    const { x, y } = await this.#place(text);
    await this.#page.mouse.move(x - 2, y);
    await this.#page.mouse.move(x, y, { steps: 3 });
  }

  async clickInHover(title) {
    await this.#hovers().locator("a", { hasText: title }).first().click();
  }

  /** Opens a view by its command and waits for a row of it. */
  async openView(title, expected) {
    await this.pick("F1", `Cá Bhfuil: Focus on ${title} View`, title);
    await this.press("Enter");
    await this.waitForRow(expected);
  }

  #rows(text) {
    return this.#page.locator(".part.sidebar .monaco-list-row").filter({ hasText: text });
  }

  /** Waits for a row of a view; its text. */
  async waitForRow(text) {
    await this.#rows(text).first().waitFor();
    return (await this.#rows(text).first().innerText()).replaceAll("\u00a0", " ");
  }

  async waitForNoRow(text) {
    await this.#rows(text).first().waitFor({ state: "hidden" });
  }

  async clickRow(text) {
    await this.#rows(text).first().click();
  }

  /** Clicks a button in the title of a view, which shows while the pointer is there. */
  async clickViewAction(view, title) {
    const pane = this.#page.locator(".part.sidebar .pane").filter({ hasText: view }).first();
    await pane.locator(".pane-header").hover();
    await pane.locator(`.pane-header .action-label[aria-label*="${title}"]`).click();
  }

  /** Checks entries of a pick of many by their labels, and takes them. */
  async check(...labels) {
    const rows = this.#page.locator(".quick-input-list .monaco-list-row");
    for (const label of labels) {
      await rows.filter({ hasText: label }).locator(".label-name").first().click();
    }
    await this.#page
      .locator(".quick-input-count:visible")
      .filter({ hasText: `${labels.length} Selected` })
      .waitFor();
    await this.#page.locator(".quick-input-widget .monaco-button", { hasText: "OK" }).click();
  }

  /** Answers an input box, which its prompt tells from others. */
  async answer(prompt, text) {
    await this.#page.locator(".quick-input-widget").filter({ hasText: prompt }).waitFor();
    await this.type(text);
    await this.press("Enter");
  }

  async clickPickButton(title) {
    await this.#page
      .locator(`.quick-input-widget .action-label[aria-label*="${title}"]`)
      .first()
      .click();
  }

  async waitForPickTitle(text) {
    await this.#page.locator(".quick-input-title").filter({ hasText: text }).waitFor();
  }

  async clickStatus(text) {
    await this.#status(text).first().click();
    await this.#page.locator(".quick-input-widget input:visible").waitFor();
  }

  /** The entries of the pick that is open. */
  async entries() {
    const rows = await this.#page
      .locator(".quick-input-list .monaco-list-row:visible")
      .allInnerTexts();
    return rows.join("\n").replaceAll("\u00a0", " ");
  }

  async waitForEntry(text) {
    await this.#page
      .locator(".quick-input-list .monaco-list-row")
      .filter({ hasText: text })
      .first()
      .waitFor();
  }

  async waitForNotification(text) {
    await this.#page
      .locator(".notifications-toasts .notification-list-item")
      .filter({ hasText: text })
      .first()
      .waitFor();
  }

  async waitForText(text) {
    await this.#page.getByText(text).first().waitFor();
  }

  async waitForDialog(text) {
    await this.#page.locator(".monaco-dialog-box").filter({ hasText: text }).waitFor();
  }

  async waitForDiff(text) {
    await this.#page.locator(".tab.active").filter({ hasText: text }).waitFor();
    await this.#page.locator(".monaco-diff-editor .view-line").first().waitFor();
  }

  #status(text) {
    return this.#page.locator(".part.statusbar .statusbar-item").filter({ hasText: text });
  }

  async waitForNoStatus(text) {
    await this.#status(text).first().waitFor({ state: "hidden" });
  }

  async waitForStatus(text) {
    await this.#status(text).first().waitFor();
  }
}
