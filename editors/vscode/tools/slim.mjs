// What keeps the bundle small, as an esbuild plugin. vscode-languageclient comes
// as CommonJS and registers each feature of LSP, so a bundler alone has to keep
// all of it: half of the bundle would be code that nobody calls.

import { readFile } from "node:fs/promises";
import path from "node:path";

/**
 * The features that the server has not got, by the client's module, with the
 * classes that the client registers. A server that gains one is told here.
 * Notebooks stay: the client's diagnostics listen to them.
 */
const absentFeatures = {
  callHierarchy: ["CallHierarchyFeature"],
  colorProvider: ["ColorProviderFeature"],
  declaration: ["DeclarationFeature"],
  documentHighlight: ["DocumentHighlightFeature"],
  documentSymbol: ["DocumentSymbolFeature"],
  fileOperations: [
    "DidCreateFilesFeature",
    "DidRenameFilesFeature",
    "DidDeleteFilesFeature",
    "WillCreateFilesFeature",
    "WillRenameFilesFeature",
    "WillDeleteFilesFeature",
  ],
  foldingRange: ["FoldingRangeFeature"],
  formatting: [
    "DocumentFormattingFeature",
    "DocumentRangeFormattingFeature",
    "DocumentOnTypeFormattingFeature",
  ],
  implementation: ["ImplementationFeature"],
  inlineCompletion: ["InlineCompletionItemFeature"],
  inlineValue: ["InlineValueFeature"],
  linkedEditingRange: ["LinkedEditingFeature"],
  rename: ["RenameFeature"],
  selectionRange: ["SelectionRangeFeature"],
  semanticTokens: ["SemanticTokensFeature"],
  signatureHelp: ["SignatureHelpFeature"],
  typeDefinition: ["TypeDefinitionFeature"],
  typeHierarchy: ["TypeHierarchyFeature"],
};

/** A feature that announces nothing to the server and registers nothing. */
const absentFeature = `class Absent {
  fillClientCapabilities() {}
  initialize() {}
  getState() { return { kind: "static" }; }
  clear() {}
}
`;

/**
 * What the client asks of two libraries. An editor that does not fit `engines`
 * never installs the extension, so the client's own look at the version is not
 * needed; and its globs are those of a server that registers a selector for
 * diagnostics, which ours does not.
 */
const absentModules = {
  "semver/functions/parse": "export default (version) => version;",
  "semver/functions/satisfies": "export default () => true;",
  minimatch: `export class Minimatch {
    constructor(glob) { throw new Error("no globs are understood here: " + glob); }
  }`,
};

/**
 * Writes what TypeScript compiled to CommonJS as an ES module again. TypeScript
 * writes each form of import, export and namespace in one way alone; a form that
 * is not known here is an error.
 */
export function toESModule(text) {
  const names = new Set(); // what is exported under its own name
  const modules = new Map(); // what a module is called here -> its specifier
  const found =
    (into) =>
    (_all, ...groups) =>
      into(...groups);
  const written = text
    .replace(/^"use strict";\n/, "")
    // The helpers that TypeScript writes into each file.
    .replace(/^var __\w+ = \(this && this\.__\w+\) \|\| [\s\S]*?^\}\)?\)?(?:\(\))?;\n/gm, "")
    .replace(/^var __setModuleDefault = [\s\S]*?^\}\);\n/gm, "")
    .replace(/^Object\.defineProperty\(exports, "__esModule", .*\n/m, "")
    .replace(/^(?:exports\.\w+ = )+void 0;\n/gm, "")
    .replace(
      /^(?:const|var) (\w+) = (?:__import(?:Star|Default)\()?require\(("[^"]+")\)\)?;$/gm,
      found((name, from) => {
        modules.set(name, from);
        return /^"semver/.test(from)
          ? `import ${name} from ${from};`
          : `import * as ${name} from ${from};`;
      }),
    )
    .replace(
      /^__exportStar\(require\(("[^"]+")\), exports\);$/gm,
      found((from) => `export * from ${from};`),
    )
    .replace(
      /^Object\.defineProperty\(exports, "(\w+)", \{ enumerable: true, get: function \(\) \{ return (\w+)\.(\w+); \} \}\);$/gm,
      found((as, module, name) => `export { ${name} as ${as} } from ${modules.get(module)};`),
    )
    // A namespace of its own, which nothing but its use can need.
    .replace(
      /^var (\w+);\n\(function \(\1\) \{\n([\s\S]*?)^\}\)\(\1 \|\| \((exports\.\1 = )?\1 = \{\}\)\);$/gm,
      found((name, body, exported) => {
        if (exported) {
          names.add(name);
        }
        return `const ${name} = /* @__PURE__ */ (function (${name}) {\n${body}return ${name};\n})({});`;
      }),
    )
    // One that adds to a class or a function.
    .replace(
      /\((\w+) \|\| \(exports\.\1 = \1 = \{\}\)\);$/gm,
      found((name) => {
        names.add(name);
        return `(${name});`;
      }),
    )
    .replace(
      /^exports\.(\w+) = \1;\n/gm,
      found((name) => {
        names.add(name);
        return "";
      }),
    )
    .replace(/^exports\.default = /gm, "export default ")
    .replace(
      /^exports\.(\w+) = (\w+)\.default;$/gm,
      found((as, module) => `export { default as ${as} } from ${modules.get(module)};`),
    )
    .replace(
      /^exports\.(\w+) = /gm,
      found((name) => {
        names.add(name);
        return `const ${name} = `;
      }),
    )
    .replace(/\bexports\.(\w+)/g, "$1");
  const left = /^.*(?:\bexports\b|\brequire\(|\b__(?:import|export)Star\b).*$/m.exec(written);
  if (left !== null) {
    throw new Error(`an unknown form of CommonJS: ${left[0]}`);
  }
  return names.size === 0 ? written : `${written}export { ${[...names].join(", ")} };\n`;
}

const compiled =
  /[\\/]vscode-(?:languageclient|languageserver-protocol|jsonrpc)[\\/]lib[\\/](?:common|node)[\\/].*\.js$/;

export const slim = {
  name: "slim",
  setup(build) {
    build.onResolve({ filter: /^(?:minimatch|semver\/)/ }, ({ path }) =>
      path in absentModules ? { path, namespace: "absent" } : undefined,
    );
    build.onLoad({ filter: /.*/, namespace: "absent" }, ({ path }) => ({
      contents: absentModules[path],
    }));
    build.onLoad({ filter: compiled }, async ({ path: file }) => {
      const absent = /languageclient/.test(file) && absentFeatures[path.basename(file, ".js")];
      if (absent) {
        const classes = absent.map((name) => `export const ${name} = Absent;\n`);
        return { contents: absentFeature + classes.join("") };
      }
      return { contents: toESModule(await readFile(file, "utf8")) };
    });
  },
};
