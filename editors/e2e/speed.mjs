// What it costs to open a window of a repository that is already indexed, on a
// machine that rests: a window goes on starting for seconds after its first lens,
// which is no part of what opening the next one costs. The middle of several tries
// counts; where the machine is busy with other things, or has fewer processors than
// the editor and its browser keep busy by themselves, the fastest one does, with twice
// the limit, and the processor time that tests through the API hold.

import { cpus, loadavg } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Page } from "./page.mjs";

const tries = 5;
const activationMs = 100;
const firstLensMs = 1000;

const middle = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

/** The time that all processors were idle, and all that there was, since the machine started. */
function processorTimes() {
  const sum = { idle: 0, total: 0 };
  for (const { times } of cpus()) {
    sum.idle += times.idle;
    sum.total += Object.values(times).reduce((all, time) => all + time, 0);
  }
  return sum;
}

/** Waits until the processors were idle for most of a second, or half a minute where they never are. */
async function rest() {
  for (let seconds = 0, idle = 0; idle < 0.9 && seconds < 30; seconds++) {
    const before = processorTimes();
    await sleep(1000);
    const after = processorTimes();
    idle = (after.idle - before.idle) / (after.total - before.total);
  }
}

export async function speed({ browser, server, facts, report, program }) {
  // The editor opens the file by itself, as a window does that had it open before.
  const changelog = `vscode-remote://${new URL(server.address).host}${path.join(facts.directory, "CHANGELOG.md")}`;
  const query = new URLSearchParams({
    folder: facts.directory,
    payload: JSON.stringify([["openFile", changelog]]),
  });
  const page = await Page.open(browser, `${server.address}/?${query}`);
  const activations = [];
  const lenses = [];
  const limits = [
    ["an activation", activations, activationMs],
    ["the first lens after the server's start", lenses, firstLensMs],
  ];
  await report.check(page, "windows of an indexed repository open again", async () => {
    await page.waitForLens(facts.upstream); // by now it is indexed
    for (let i = 0; i < tries; i++) {
      await rest();
      await page.reload();
      const shown = await page.lensShows(facts.upstream);
      lenses.push(shown - (Date.now() - server.servers(program)[0].ageMs));
    }
    // The view of extensions is there again in the next window, and would delay its lenses.
    for (let i = 0; i < tries; i++) {
      activations.push(await page.activation("Cá Bhfuil"));
      await rest();
      await page.reload();
    }
  });
  const load = loadavg()[0] / cpus().length;
  const busy = load > 2 || cpus().length < 4;
  for (const [what, times, limit] of limits) {
    const name = `${what} takes ${limit} ms at most`;
    const note = `${middle(times)} ms; all tries: ${times.join(", ")}`;
    if (times.length === tries && middle(times) <= limit) {
      report.pass(`${name} (${note})`);
    } else if (busy && times.length === tries && Math.min(...times) <= 2 * limit) {
      const machine = `${cpus().length} processors, ${load.toFixed(1)} processes for each`;
      report.skip(name, `${note}; ${machine}`);
    } else {
      report.fail(name, note);
    }
  }
  await page.close();
}
