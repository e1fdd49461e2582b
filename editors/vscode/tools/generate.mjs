// Brings what is generated up to date: the settings in package.json and their
// descriptions, from the server's own (schemas/settings.json), and l10n/, from the
// words in src/. With --check it says what is not, and exits 1.

import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import path from "node:path";

const root = path.join(
  import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname),
  "..",
);

const read = (file) => JSON.parse(readFileSync(path.join(root, file), "utf8"));

/** The files that are generated, or in part: their paths and what they should hold. */
export function generated() {
  const manifest = read("package.json");
  const words = read("package.nls.json");
  const settings = manifest.contributes.configuration.properties;
  for (const [name, setting] of Object.entries(read("schemas/settings.json").properties)) {
    const key = `setting.${name}`;
    words[key] = setting.description;
    settings[`cabhfuil.${name}`] = {
      type: setting.type,
      default: setting.default,
      scope: "window",
      markdownDescription: `%${key}%`,
    };
  }
  return {
    "package.json": manifest,
    "package.nls.json": words,
    "l10n/bundle.l10n.json": Object.fromEntries(messages().map((said) => [said, said])),
  };
}

/** The sentences in src/ that are translated: what t(…) and text(…) begin with. */
export function messages() {
  const found = new Set();
  for (const file of readdirSync(path.join(root, "src"))) {
    const source = readFileSync(path.join(root, "src", file), "utf8");
    for (const [, literal] of source.matchAll(
      /\b(?:l10n\.t|text)\(\s*("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')/g,
    )) {
      const said = literal.startsWith("'")
        ? literal.slice(1, -1).replaceAll("\\'", "'")
        : JSON.parse(literal);
      if (/\p{Letter}{2}/u.test(said)) {
        found.add(said);
      }
    }
  }
  return [...found].sort();
}

/** A generated file as it is and as it should be. */
export function outdated() {
  return Object.entries(generated())
    .map(([file, value]) => ({ file, wanted: `${JSON.stringify(value, null, 2)}\n` }))
    .filter(({ file, wanted }) => current(file) !== wanted);
}

function current(file) {
  try {
    return readFileSync(path.join(root, file), "utf8");
  } catch {
    return undefined;
  }
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  for (const { file, wanted } of outdated()) {
    writeFileSync(path.join(root, file), wanted);
    console.log(`${file} is generated anew`);
  }
}
