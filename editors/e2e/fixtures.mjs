// The folders that the end-to-end tests open.

import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import path from "node:path";

const here = import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname);

function run(env, argv, input) {
  const done = spawnSync(argv[0], argv.slice(1), { env, input, encoding: "utf8" });
  if (done.status !== 0) {
    throw new Error(`${argv.slice(0, 2).join(" ")}: ${done.stderr}`);
  }
  return done.stdout.trim();
}

/** Clones a repository into a folder under its own name, which the window's title shows; what is there. */
export function fixture(folder, env, original) {
  const repository = path.resolve(original);
  const base = path.basename(repository) === "repo" ? path.dirname(repository) : repository;
  const target = path.join(folder, path.basename(base));
  const made = run(env, [path.join(here, "fixture.sh"), repository, target]);
  // Nothing is fetched from there: its name alone says which forge it is.
  run(env, [
    "git",
    "-C",
    target,
    "remote",
    "add",
    "forge",
    "https://github.com/example/engine.git",
  ]);
  return Object.fromEntries(
    made
      .split("\n")
      .map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
  );
}

/**
 * Makes a repository of so many commits, and a line stable/9 that has all but the
 * last. Its NEWS.md names the last one. Many commits take long enough that
 * indexing them can be watched.
 */
export function commits(directory, env, count) {
  const git = (argv, input) => run({ ...env, GIT_CONFIG_NOSYSTEM: "1" }, ["git", ...argv], input);
  git(["init", "--quiet", "--template=", "--initial-branch=main", directory]);
  const words = ["valve", "engine", "pressure", "drain", "leak", "pump", "gauge", "seal"];
  const stream = [];
  for (let i = 1; i <= count; i++) {
    // The editor takes $(name) for an icon, where it is not told otherwise.
    const last = i === count ? " in $(MAKE)" : "";
    const message = `${words[i % 8]} ${words[(i * 5 + 3) % 8]} number${i}${last}\n\nWhy word${i * 7} matters to word${i * 13}.\n`;
    stream.push(
      `commit refs/heads/main\nmark :${i}\n`,
      `committer Aoife Byrne <aoife@example.org> ${1_600_000_000 + i * 60} +0000\n`,
      `data ${message.length}\n${message}`,
      i > 1 ? `from :${i - 1}\n` : "M 100644 inline notes.txt\ndata 6\nnotes\n",
      "\n",
    );
  }
  stream.push(`reset refs/heads/stable/9\nfrom :${count - 1}\n\n`);
  git(["-C", directory, "fast-import", "--quiet"], stream.join(""));
  git(["-C", directory, "checkout", "--quiet", "main"]);
  const [sha, subject] = git(["-C", directory, "log", "-1", "--format=%H%n%s"]).split("\n");
  writeFileSync(path.join(directory, "NEWS.md"), `- ${subject} (${sha.slice(0, 12)})\n`);
  return { directory, sha, subject, line: "stable/9" };
}
