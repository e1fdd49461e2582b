// Bundles the extension into dist/, or with --tests each unit test into out/.
import { readdirSync } from "node:fs";
import { build } from "esbuild";
import { extension } from "./tools/bundle.mjs";

const production = process.argv.includes("--production");

if (process.argv.includes("--tests")) {
  await build({
    bundle: true,
    platform: "node",
    target: "node20",
    format: "cjs",
    logLevel: "warning",
    entryPoints: readdirSync("test")
      .filter((name) => name.endsWith(".test.ts"))
      .map((name) => `test/${name}`),
    outdir: "out",
    // A unit test that reaches for the editor's API fails to load.
    external: [],
    sourcemap: "inline",
  });
} else {
  await build({ ...extension, minify: production, sourcemap: !production });
}
