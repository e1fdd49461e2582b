// Says how checks went, and keeps pictures.

import { mkdirSync } from "node:fs";
import path from "node:path";

export class Report {
  #screenshots;
  passed = 0;
  failed = 0;

  /** Pictures go to a folder; those for people into its folders docs and walkthrough. */
  constructor(screenshots) {
    this.#screenshots = path.resolve(screenshots);
    for (const folder of ["", "docs", "walkthrough"]) {
      mkdirSync(path.join(this.#screenshots, folder), { recursive: true });
    }
  }

  pass(name) {
    this.passed++;
    console.log(`PASS ${name}`);
  }

  fail(name, why) {
    this.failed++;
    console.log(`FAIL ${name}: ${why}`);
  }

  /** Says why a measurement was not held to its limit. */
  skip(name, why) {
    console.log(`SKIP ${name}: ${why}`);
  }

  /** Runs a check on a page and says how it went; later checks run all the same. */
  async check(page, name, run, recover = () => {}) {
    try {
      const note = await run();
      this.pass(note ? `${name} (${note})` : name);
    } catch (error) {
      this.fail(name, String(error.message).split("\n")[0]);
      await page.screenshot(this.file(`failed-${this.failed}`));
      await recover();
    }
  }

  file(name, folder = "") {
    return path.join(this.#screenshots, folder, `${name}.png`);
  }
}
