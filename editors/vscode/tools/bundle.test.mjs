import assert from "node:assert/strict";
import { builtinModules } from "node:module";
import { test } from "node:test";
import { build } from "esbuild";
import { extension, largest } from "./bundle.mjs";
import { toESModule } from "./slim.mjs";

test("the bundle is small, and needs the editor and Node.js alone", async () => {
  const { outputFiles } = await build({ ...extension, minify: true, write: false });
  const [{ contents, text }] = outputFiles;
  assert.ok(contents.length <= largest, `${contents.length} bytes, of ${largest} at most`);
  const required = [...text.matchAll(/\brequire\("([^"]+)"\)/g)].map(([, name]) => name);
  assert.ok(required.includes("vscode"));
  for (const name of required) {
    assert.ok(name === "vscode" || builtinModules.includes(name.replace(/^node:/, "")), name);
  }
});

test("what TypeScript compiled is an ES module again", () => {
  const compiled = `"use strict";
var __importStar = (this && this.__importStar) || (function () {
    return function (mod) { return mod; };
})();
Object.defineProperty(exports, "__esModule", { value: true });
exports.Kind = exports.limit = exports.State = void 0;
const path = __importStar(require("path"));
const other_1 = require("./other");
Object.defineProperty(exports, "Other", { enumerable: true, get: function () { return other_1.Other; } });
__exportStar(require("./more"), exports);
var State;
(function (State) {
    State.on = 1;
})(State || (exports.State = State = {}));
class Kind {
    size = exports.limit;
}
exports.Kind = Kind;
(function (Kind) {
    Kind.first = (0, path.join)("a");
})(Kind || (exports.Kind = Kind = {}));
exports.limit = 3;
`;
  assert.equal(
    toESModule(compiled),
    `import * as path from "path";
import * as other_1 from "./other";
export { Other as Other } from "./other";
export * from "./more";
const State = /* @__PURE__ */ (function (State) {
    State.on = 1;
return State;
})({});
class Kind {
    size = limit;
}
(function (Kind) {
    Kind.first = (0, path.join)("a");
})(Kind);
const limit = 3;
export { State, Kind, limit };
`,
  );
});

test("a form that is not known is an error", () => {
  assert.throws(() => toESModule('if (late) require("./other");'), /unknown form/);
  assert.throws(() => toESModule("module.exports = {};"), /unknown form/);
});
