// Bundles the extension into dist/, or with --tests each unit test into out/.
import { readdirSync } from "node:fs";
import { build } from "esbuild";

const production = process.argv.includes("--production");
const tests = process.argv.includes("--tests");

await build({
  bundle: true,
  platform: "node",
  target: "node20",
  format: "cjs",
  // The languageclient's ES module entry points are not complete.
  mainFields: ["module", "main"],
  logLevel: "warning",
  ...(tests
    ? {
        entryPoints: readdirSync("test")
          .filter((name) => name.endsWith(".test.ts"))
          .map((name) => `test/${name}`),
        outdir: "out",
        // A unit test that reaches for the editor's API fails to load.
        external: [],
        sourcemap: "inline",
      }
    : {
        entryPoints: ["src/extension.ts"],
        outfile: "dist/extension.js",
        external: ["vscode"],
        minify: production,
        sourcemap: !production,
      }),
});
