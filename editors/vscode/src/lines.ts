// Which lines can be asked about, and in which order they are offered. The
// server names the upstream line first, then the release lines, newest first.

import type { LinesAnswer } from "./answers";

export interface Line {
  readonly repository: string;
  readonly name: string;
}

/** The lines that may lack something: the upstream one, from which fixes come, is last. */
export function lacking(repositories: readonly LinesAnswer[]): Line[] {
  return repositories.flatMap(({ repository, lines: [upstream, ...released] }) =>
    upstream === undefined || released.length === 0
      ? []
      : [...released, upstream].map((name) => ({ repository, name })),
  );
}

/** The lines that a line can be held against: the upstream one is first. */
export function against(repositories: readonly LinesAnswer[], line: Line): Line[] {
  return repositories
    .filter(({ repository }) => repository === line.repository)
    .flatMap(({ repository, lines }) => lines.map((name) => ({ repository, name })))
    .filter(({ name }) => name !== line.name);
}
