// How the extension becomes one file.

import { slim } from "./slim.mjs";

/** How large the file may be, in bytes: editors read all of it before anything runs. */
export const largest = 300_000;

/** The options of esbuild for it. */
export const extension = {
  bundle: true,
  platform: "node",
  target: "node20",
  format: "cjs",
  mainFields: ["module", "main"],
  entryPoints: ["src/extension.ts"],
  outfile: "dist/extension.js",
  external: ["vscode"],
  logLevel: "warning",
  plugins: [slim],
};
