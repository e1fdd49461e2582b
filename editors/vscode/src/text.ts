// Words for people, where the editor that translates them is not at hand.

/** A sentence as it stands in l10n/, with what is put in for {0}, {1} and so on. */
export interface Text {
  readonly template: string;
  readonly values: readonly (string | number)[];
}

/** A sentence to be translated later. The template must be written out: it is looked up. */
export function text(template: string, ...values: (string | number)[]): Text {
  return { template, values };
}

/** The sentence as it was written. */
export function untranslated({ template, values }: Text): string {
  return template.replace(/\{(\d+)\}/g, (place, index: string) =>
    String(values[Number(index)] ?? place),
  );
}

/** How many there are of something, with its number in the words of the language. */
export const counted = {
  commits: (n: number): Text => (n === 1 ? text("1 commit") : text("{0} commits", n)),
  lines: (n: number): Text => (n === 1 ? text("1 line") : text("{0} lines", n)),
  changes: (n: number): Text => (n === 1 ? text("1 change") : text("{0} changes", n)),
};

// Control characters, and those that turn the direction of what follows.
// eslint-disable-next-line no-control-regex
const unseen = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2028\u2029\u2066-\u2069]+/g;

/** What a repository says, on one line and without characters that nobody sees. */
export function oneLine(said: string): string {
  return said.replace(unseen, " ").trim();
}

/** The same where the editor draws icons for $(name): in picks and the status bar. */
export function withoutIcons(said: string): string {
  return oneLine(said).replace(/\\?\$\(/g, "\\$(");
}

/** The same where the editor makes links of [words](address), also such that run commands: in messages. */
export function withoutLinks(said: string): string {
  return said.replace(/\](?=\()/g, "] ");
}
