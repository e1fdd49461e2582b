import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { messages, outdated } from "./generate.mjs";

const root = path.join(
  import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname),
  "..",
);
const text = (file) => readFileSync(path.join(root, file), "utf8");
const manifest = JSON.parse(text("package.json"));

test("what is generated is up to date", () => {
  assert.deepEqual(
    outdated().map(({ file }) => file),
    [],
    "run npm run generate",
  );
});

test("each word of the manifest that is to be translated is there, and no other", () => {
  const words = Object.keys(JSON.parse(text("package.nls.json"))).sort();
  const used = [...text("package.json").matchAll(/"%([\w.]+)%"/g)].map(([, key]) => key);
  assert.deepEqual([...new Set(used)].sort(), words);
});

test("sentences have their places in order, and are not put together", () => {
  const said = messages();
  assert.ok(said.length > 40);
  for (const sentence of said) {
    const places = [...sentence.matchAll(/\{(\d+)\}/g)].map(([, index]) => Number(index));
    assert.deepEqual(places, [...places.keys()], sentence);
  }
});

test("the manifest's commands, views and files are there", () => {
  const { commands, menus, views, walkthroughs, yamlValidation } = manifest.contributes;
  const ids = commands.map(({ command }) => command);
  const source = readdirSync(path.join(root, "src"))
    .map((file) => text(path.join("src", file)))
    .join("\n");
  for (const id of ids) {
    assert.match(id, /^cabhfuil-vscode\./);
    assert.ok(source.includes(`"${id}"`), `${id} is not registered`);
  }
  for (const { command } of Object.values(menus).flat()) {
    assert.ok(ids.includes(command), command);
  }
  for (const { id } of views["cabhfuil-vscode"]) {
    assert.ok(source.includes(`"${id}"`), id);
  }
  const files = [
    ...walkthroughs.flatMap(({ steps }) => steps.map(({ media }) => media.markdown)),
    ...yamlValidation.map(({ url }) => url),
  ];
  for (const file of files) {
    assert.ok(existsSync(path.join(root, file)), file);
  }
});
