// What a person does in a window of VS Code and sees there, as functions. All
// waits are for something to be on the page.

const patience = 45_000; // a repository may still be being read, on a busy machine

/** A text as the editor draws it: spaces are no-break spaces. */
function drawn(text) {
  const plain = text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  return new RegExp(plain.replaceAll(" ", "[\\s\u00a0]+"));
}

export class Page {
  #page;

  /** The hosts other than this machine that the page asked for, and was not let to. */
  strangers = new Set();

  /** Opens a window; scale is how many pixels of a picture one of the page takes. */
  static async open(browser, address, { scale = 1 } = {}) {
    const page = new Page();
    await page.#open(browser, address, scale);
    return page;
  }

  async #open(browser, address, scale) {
    const context = await browser.newContext({
      viewport: { width: 1100, height: 640 },
      deviceScaleFactor: scale,
    });
    this.#page = await context.newPage();
    this.#page.setDefaultTimeout(patience);
    // What the page's own service worker answers was asked of nobody.
    context.on("requestfailed", (request) => {
      if (request.failure()?.errorText.includes("ERR_NAME_NOT_RESOLVED")) {
        this.strangers.add(new URL(request.url()).hostname);
      }
    });
    // The first window may load for long on a busy machine.
    await this.#page.goto(address, { timeout: 4 * patience });
    try {
      await this.#ready(patience / 3);
    } catch (error) {
      // code-server now and then opens a workspace's file as if it named no folder.
      console.log(`NOTE the window is opened again: ${error.message.split("\n")[0]}`);
      await this.reload();
      await this.#ready();
    }
  }

  async #ready(timeout = patience) {
    const item = this.#page.locator(".monaco-workbench .part.statusbar .statusbar-item");
    await item.first().waitFor();
    // The file list takes keys only once the explorer has its rows.
    const row = this.#page.locator(".explorer-folders-view .monaco-list-row");
    await row.first().waitFor({ timeout });
  }

  /** Opens the window again, with another extension host. */
  async reload() {
    await this.#page.reload({ timeout: 4 * patience });
  }

  async close() {
    await this.#page.context().close();
  }

  expect(holds, otherwise) {
    if (!holds) {
      throw new Error(otherwise);
    }
  }

  screenshot(file, clip) {
    return this.#page.screenshot({ path: file, clip, animations: "disabled", caret: "hide" });
  }

  /**
   * Takes a picture of the part of the window that holds the elements of some
   * selectors, with a margin; what is left, top, right and bottom of it can be given
   * as limits. The pointer is moved away, unless it is told to stay.
   */
  async picture(file, selectors, { margin = 0, stay = false, ...limits } = {}) {
    // The pointer shows what is below it.
    if (!stay) {
      await this.#page.mouse.move(1090, 500);
      await this.#page.locator(".workbench-hover:visible").first().waitFor({ state: "hidden" });
    }
    const boxes = [];
    for (const selector of selectors) {
      const found = this.#page.locator(`${selector}:visible`);
      for (const one of await found.all()) {
        boxes.push(await one.boundingBox());
      }
    }
    const { width, height } = this.#page.viewportSize();
    const left = Math.max(0, limits.left ?? Math.min(...boxes.map(({ x }) => x)) - margin);
    const top = Math.max(0, limits.top ?? Math.min(...boxes.map(({ y }) => y)) - margin);
    const right = Math.min(
      width,
      limits.right ?? Math.max(...boxes.map((box) => box.x + box.width)) + margin,
    );
    const bottom = Math.min(
      height,
      limits.bottom ?? Math.max(...boxes.map((box) => box.y + box.height)) + margin,
    );
    await this.screenshot(file, { x: left, y: top, width: right - left, height: bottom - top });
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

  async command(title) {
    await this.pick("F1", title, title);
    await this.press("Enter");
  }

  /** Runs a command that opens a pick, which its placeholder tells from the palette. */
  async commandWithPick(title, placeholder) {
    await this.command(title);
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
    await this.#editor()
      .locator(".view-line", { hasText: drawn(text) })
      .first()
      .waitFor();
  }

  /** Waits until a word has a colour of its own: an editor draws plain text at first. */
  async waitForToken(word) {
    await this.#editor()
      .locator(".view-line span > span", { hasText: new RegExp(`^${word}$`) })
      .first()
      .waitFor();
  }

  #lenses(text) {
    return this.#editor().locator(".codelens-decoration a").filter({ hasText: text });
  }

  async waitForLens(text) {
    await this.#lenses(text).first().waitFor();
  }

  /**
   * When a lens with a text shows, to a frame, in milliseconds since 1970. The page
   * is looked at when it changes: to draw frames for the sake of looking would keep a
   * processor busy that the editor needs.
   */
  async lensShows(text) {
    return this.#page.evaluate(
      ([text, patience]) =>
        new Promise((resolve, reject) => {
          const observer = new MutationObserver(look);
          const timer = setTimeout(() => {
            observer.disconnect();
            reject(new Error(`no lens with ${text} within ${patience} ms`));
          }, patience);
          function look() {
            const lenses = [...document.querySelectorAll(".codelens-decoration a")];
            if (lenses.some((lens) => lens.textContent.includes(text))) {
              clearTimeout(timer);
              observer.disconnect();
              requestAnimationFrame(() => resolve(Date.now()));
            }
          }
          observer.observe(document, { childList: true, subtree: true, characterData: true });
          look();
        }),
      [text, patience],
    );
  }

  async waitForNoLens() {
    await this.#lenses("").first().waitFor({ state: "hidden" });
  }

  async clickLens(index) {
    await this.#lenses("").nth(index).click();
  }

  /** The text of the lens above a line that has a text; waits until there is one. */
  async lensAbove(text) {
    const line = this.#editor()
      .locator(".view-line", { hasText: drawn(text) })
      .first();
    await line.waitFor();
    for (const end = Date.now() + patience; ; await this.#page.waitForTimeout(50)) {
      // What the editor draws anew meanwhile has no place.
      const y = (await line.boundingBox().catch(() => null))?.y ?? NaN;
      for (const lens of await this.#lenses("").all()) {
        const box = await lens.boundingBox().catch(() => null);
        if (box !== null && y - box.y > 0 && y - box.y - box.height < 6) {
          return { text: (await lens.innerText()).replaceAll("\u00a0", " "), lens };
        }
      }
      this.expect(Date.now() < end, `no lens above “${text}”`);
    }
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

  /** Where an editor's hover is. */
  hoverBox = ".monaco-editor .monaco-hover:not(.hidden)";

  #hovers() {
    return this.#page.locator(`${this.hoverBox} .hover-row:visible`);
  }

  async waitForNoHover() {
    await this.#hovers().first().waitFor({ state: "hidden" });
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

  /** Opens or closes a view in the side bar. */
  async toggleView(title) {
    const pane = this.#page.locator(".part.sidebar .pane").filter({ hasText: title }).first();
    await pane.locator(".pane-header .title").click();
  }

  /** How far down a hover reaches, in pixels. */
  async hoverEnd() {
    const box = await this.#page.locator(`${this.hoverBox}:visible`).first().boundingBox();
    return box.y + box.height;
  }

  async waitForNoRow(text) {
    await this.#rows(text).first().waitFor({ state: "hidden" });
  }

  async clickRow(text) {
    await this.#rows(text).first().click();
  }

  /** Opens the menu of a row. */
  async openRowMenu(text) {
    await this.#rows(text).first().click({ button: "right" });
  }

  /** Takes an entry of the menu that is open. */
  async clickMenu(title) {
    const entry = this.#page
      .locator(".monaco-menu .action-menu-item")
      .filter({ hasText: new RegExp(`^${title}`) });
    await entry.waitFor();
    // The editor ignores clicks right after a menu opened: one that stays is clicked again.
    for (const end = Date.now() + patience; Date.now() < end;) {
      await entry.click();
      const gone = await entry.waitFor({ state: "hidden", timeout: 1000 }).then(
        () => true,
        () => false,
      );
      if (gone) {
        return;
      }
    }
    throw new Error(`the menu stays open when ${title} is clicked`);
  }

  /** Waits until the panel of outputs shows a text. */
  async waitForOutput(text) {
    await this.#page.locator(".part.panel .view-line", { hasText: text }).first().waitFor();
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

  /** Opens our menu, and waits for its entries: another pick may still be going. */
  async clickStatus(text) {
    await this.#status(text).first().click();
    await this.#page
      .locator(".quick-input-widget input[placeholder*='Choose what to do']:visible")
      .waitFor();
    await this.#page.locator(".quick-input-list .monaco-list-row:visible").first().waitFor();
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

  /** How many messages there are. */
  notifications() {
    return this.#page.locator(".notifications-toasts .notification-list-item").count();
  }

  async waitForText(text) {
    await this.#page.getByText(text).first().waitFor();
  }

  async waitForDialog(text) {
    await this.#page.locator(".monaco-dialog-box").filter({ hasText: text }).waitFor();
  }

  async waitForNoDialog() {
    await this.#page.locator(".monaco-dialog-box").waitFor({ state: "hidden" });
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

  /** Waits for an item of the status bar whose name for screen readers has a text. */
  async waitForStatusName(text) {
    await this.#page.locator(`.part.statusbar .statusbar-item[aria-label*="${text}"]`).waitFor();
  }

  async clickNotification(text, button) {
    await this.#page
      .locator(".notifications-toasts .notification-list-item")
      .filter({ hasText: text })
      .locator(".monaco-button", { hasText: button })
      .first()
      .click();
  }

  /** Makes the side bar so wide, in pixels. */
  async widenSideBar(width) {
    const box = await this.#page.locator(".part.sidebar").boundingBox();
    await this.#page.mouse.move(box.x + box.width + 2, 320);
    await this.#page.mouse.down();
    await this.#page.mouse.move(box.x + width, 320, { steps: 4 });
    await this.#page.mouse.up();
    await this.#page.mouse.move(600, 560);
  }

  /**
   * What the editor itself measured of an extension's activation, in milliseconds:
   * loading its code and calling it.
   */
  async activation(name) {
    const row = await this.extensions(`@installed ${name}`, name);
    const time = row.filter({ hasText: /\d+ms/ });
    await time.waitFor();
    return Number(/(\d+)ms/.exec(await time.innerText())[1]);
  }

  /** Asks the view of extensions; the row that is expected. */
  async extensions(query, expected) {
    await this.press("Control+Shift+x");
    await this.#page.locator(".extensions-viewlet .suggest-input-container .view-line").click();
    await this.press("Control+a");
    await this.type(query);
    const rows = this.#page.locator(".extensions-viewlet .extension-list-item");
    const row = rows.filter({ hasText: expected }).first();
    await row.waitFor();
    return row;
  }

  /**
   * How well texts can be told from what is behind them: the contrast of WCAG 2,
   * from 1 to 21, by the colours that the page computed.
   */
  async contrast(selector) {
    const element = this.#page.locator(`${selector}:visible`).first();
    for (const end = Date.now() + patience; ;) {
      const found = await element.evaluate(contrastOf);
      if (found !== undefined) {
        return found;
      }
      this.expect(Date.now() < end, `“${selector}” is drawn anew all the time`);
    }
  }

  async clickButton(text) {
    await this.#page.getByRole("button", { name: text }).first().click();
  }

  /** Waits until a page within the page shows a picture that is there. */
  async waitForWebviewImage() {
    const image = this.#page
      .frameLocator("iframe.webview.ready")
      .frameLocator("#active-frame")
      .locator("img")
      .first();
    await image.waitFor();
    for (const end = Date.now() + patience; ; await this.#page.waitForTimeout(50)) {
      if (await image.evaluate((element) => element.complete && element.naturalWidth > 0)) {
        return;
      }
      this.expect(Date.now() < end, "the picture is not there");
    }
  }
}

/** Runs in the page; undefined where an element was drawn anew meanwhile. */
function contrastOf(start) {
  if (!start.isConnected) {
    return undefined;
  }

  const parse = (color) => {
    const parts = color.match(/[\d.]+/g).map(Number);
    return color.startsWith("color(")
      ? [parts[0] * 255, parts[1] * 255, parts[2] * 255, parts[3] ?? 1]
      : [parts[0], parts[1], parts[2], parts[3] ?? 1];
  };
  const over = (top, below) =>
    below.slice(0, 3).map((value, i) => top[i] * top[3] + value * (1 - top[3]));
  const layers = [];
  let opacity = 1;
  for (let at = start; at; at = at.parentElement) {
    const style = getComputedStyle(at);
    opacity *= Number(style.opacity);
    layers.push(parse(style.backgroundColor));
  }
  let behind = [255, 255, 255];
  for (const layer of layers.reverse()) {
    behind = over(layer, behind);
  }
  const [r, g, b, a] = parse(getComputedStyle(start).color);
  const text = over([r, g, b, a * opacity], behind);
  const luminance = (color) => {
    const [red, green, blue] = color
      .map((value) => value / 255)
      .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const [light, dark] = [luminance(text), luminance(behind)].sort((one, other) => other - one);
  return (light + 0.05) / (dark + 0.05);
}
