// Which of a document's symbols are declarations that lenses stand above. Knows
// nothing of the editor.

export interface Symbol {
  /** The name of the editor's SymbolKind. */
  readonly kind: string | undefined;
  /** Lines, from 0. */
  readonly first: number;
  readonly last: number;
  readonly children: readonly Symbol[];
}

export interface Lines {
  readonly first: number;
  readonly last: number;
}

const types = ["Class", "Interface", "Struct", "Enum"];
const functions = ["Function", "Method", "Constructor", "Operator"];
/** What may hold declarations and is none itself. */
const holders = ["Module", "Namespace", "Package", "File", "Object"];

/**
 * The lines of types and functions, in the order of the text. What a function
 * declares within itself has no lens, nor have variables, keys and headings.
 */
export function declaredRanges(symbols: readonly Symbol[]): Lines[] {
  return symbols
    .flatMap((symbol): Lines[] => {
      const { kind = "", first, last, children } = symbol;
      if (functions.includes(kind)) {
        return [{ first, last }];
      }
      if (types.includes(kind)) {
        return [{ first, last }, ...declaredRanges(children)];
      }
      return holders.includes(kind) ? declaredRanges(children) : [];
    })
    .sort((a, b) => a.first - b.first || b.last - a.last);
}

/** The smallest of the ranges that holds a line. */
export function innermost(ranges: readonly Lines[], line: number): Lines | undefined {
  return ranges
    .filter(({ first, last }) => first <= line && line <= last)
    .reduce<Lines | undefined>(
      (least, range) =>
        least !== undefined && least.last - least.first <= range.last - range.first ? least : range,
      undefined,
    );
}
