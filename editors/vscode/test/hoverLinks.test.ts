import assert from "node:assert/strict";
import { test } from "node:test";
import { commandIds, hoverLinks } from "../src/hoverLinks";

const titles = {
  showCommit: "Show commit",
  copySha: "Copy SHA",
  copyFixes: "Copy as Fixes: line",
  compareLines: "Compare lines",
};
const sha = "7f4343198c2a";

/** The commands of the links, with their arguments decoded as the editor does. */
function links(markdown: string): { command: string | undefined; target: unknown }[] {
  return [...markdown.matchAll(/\]\(command:([^?)]+)\?([^)\s]*)\)/g)].map((link) => ({
    command: link[1],
    target: (JSON.parse(decodeURIComponent(link[2] ?? "")) as unknown[])[0],
  }));
}

test("a SHA has links that show and copy it", () => {
  const uri = "file:///home/aoife/CHANGELOG.md";
  assert.deepEqual(
    links(hoverLinks({ sha, uri }, titles) ?? ""),
    Object.values(commandIds).map((command) => ({
      command,
      target: { sha, uri },
    })),
  );
});

test("no name of a file can end a link or begin another", () => {
  const uri = "file:///a) [x](command:evil) *b* _c_ ~d~ `e` <f> \"g\" 'h'!.md";
  const markdown = hoverLinks({ sha, uri }, titles) ?? "";
  assert.equal(links(markdown).length, 4);
  for (const link of links(markdown)) {
    assert.deepEqual(link.target, { sha, uri });
  }
  const outside = markdown.replace(/\(command:[\w.-]+\?[\w%.-]*\)/g, "");
  assert.equal(outside, "[Show commit] · [Copy SHA] · [Copy as Fixes: line] · [Compare lines]");
});

test("nor can the name of a repository", () => {
  const target = { sha, repository: "a) [x](command:evil) `b`" };
  const markdown = hoverLinks(target, titles) ?? "";
  assert.deepEqual(
    links(markdown).map((link) => link.target),
    Array(4).fill(target),
  );
});

test("a command that has nothing to do is left out", () => {
  const markdown = hoverLinks({ sha }, titles, ["compareLines"]) ?? "";
  assert.deepEqual(
    links(markdown).map(({ command }) => command),
    [commandIds.showCommit, commandIds.copySha, commandIds.copyFixes],
  );
});

test("only what can be a SHA has links", () => {
  for (const word of ["", "abc123", "CVE-2024-32002", "deadbeef)", `${sha}\n`, "g".repeat(12)]) {
    assert.equal(hoverLinks({ sha: word }, titles), undefined, word);
  }
  assert.ok(hoverLinks({ sha: "A".repeat(64) }, titles));
});
