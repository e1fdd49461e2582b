import js from "@eslint/js";
import tseslint from "typescript-eslint";

// What unit tests cover must load without an editor.
const withoutEditor = [
  "answers",
  "declarations",
  "health",
  "hoverLinks",
  "lines",
  "missingTree",
  "queries",
  "releaseLines",
  "restarts",
  "server",
  "text",
].map((module) => `src/${module}.ts`);

export default tseslint.config(
  { ignores: ["dist/", "out/", "node_modules/"] },
  js.configs.recommended,
  {
    files: ["**/*.ts"],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      "@typescript-eslint/consistent-type-imports": "error",
      eqeqeq: "error",
    },
  },
  {
    files: ["test/**/*.ts"],
    // node:test's functions return promises that the runner itself awaits.
    rules: { "@typescript-eslint/no-floating-promises": "off" },
  },
  {
    files: [...withoutEditor, "test/**/*.ts"],
    rules: {
      "no-restricted-imports": [
        "error",
        { paths: ["vscode"], patterns: ["vscode-languageclient*"] },
      ],
    },
  },
  {
    files: ["**/*.mjs"],
    languageOptions: { globals: { process: "readonly", console: "readonly", URL: "readonly" } },
  },
);
