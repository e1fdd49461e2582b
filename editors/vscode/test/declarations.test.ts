import assert from "node:assert/strict";
import { test } from "node:test";
import { declaredRanges, innermost, type Symbol } from "../src/declarations";

function symbol(kind: string, first: number, last: number, ...children: Symbol[]): Symbol {
  return { kind, first, last, children };
}

test("types, functions and methods have lenses; what is within a function has none", () => {
  const symbols = [
    symbol("Function", 20, 30, symbol("Function", 22, 24), symbol("Variable", 25, 25)),
    symbol("Class", 2, 18, symbol("Method", 4, 8), symbol("Property", 9, 9)),
    symbol("Namespace", 40, 60, symbol("Struct", 42, 44)),
    symbol("Variable", 1, 1),
  ];
  assert.deepEqual(declaredRanges(symbols), [
    { first: 2, last: 18 },
    { first: 4, last: 8 },
    { first: 20, last: 30 },
    { first: 42, last: 44 },
  ]);
});

test("headings and keys have none", () => {
  const headings = symbol("String", 0, 9, symbol("String", 2, 5));
  assert.deepEqual(declaredRanges([headings, symbol("Module", 0, 3, symbol("Key", 1, 1))]), []);
  assert.deepEqual(declaredRanges([{ kind: undefined, first: 0, last: 1, children: [] }]), []);
});

test("the innermost declaration around a line is found", () => {
  const ranges = [
    { first: 2, last: 18 },
    { first: 4, last: 8 },
  ];
  assert.deepEqual(innermost(ranges, 5), { first: 4, last: 8 });
  assert.deepEqual(innermost(ranges, 10), { first: 2, last: 18 });
  assert.equal(innermost(ranges, 19), undefined);
});
