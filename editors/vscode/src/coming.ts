import { soon } from "./soon";

/** Something that is there, is to come, or is not to come. At first it is not to come. */
export class Coming<T> {
  #found: Promise<T | undefined> = Promise.resolve(undefined);
  #settle: ((value: T | undefined) => void) | undefined;

  /** It is to come: who asks waits for it. */
  expect(): void {
    if (this.#settle === undefined) {
      this.#found = new Promise((resolve) => (this.#settle = resolve));
    }
  }

  /** It is there; undefined says that it does not come. */
  set(value: T | undefined): void {
    this.expect(); // whoever waits already is told, too
    this.#settle?.(value);
    this.#settle = undefined;
  }

  /** It, or undefined where it is not there within so many milliseconds. */
  within(ms: number): Promise<T | undefined> {
    return soon(this.#found, ms);
  }
}
