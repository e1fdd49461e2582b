// When a server that ended by itself is started again: soon at first, then more
// slowly, and not without end, since a server that always fails would otherwise
// use up a machine unseen.

/** A server that lived this long is no longer held against its earlier ends. */
const windowMs = 3 * 60_000;
const delaysMs = [0, 1_000, 4_000, 10_000];

export class Restarts {
  #ends: number[] = [];

  /**
   * Notes that the server ended at `now`, in milliseconds. Returns how long to
   * wait before it is started again, or undefined when it should stay down.
   */
  ended(now: number): number | undefined {
    this.#ends = [...this.#ends.filter((end) => now - end < windowMs), now];
    return delaysMs[this.#ends.length - 1];
  }

  /** The user asked for a start: earlier ends no longer count. */
  reset(): void {
    this.#ends = [];
  }
}
