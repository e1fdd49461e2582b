import { soon } from "./soon";

/** Something that is there, is to come, or is not to come. At first it is not to come. */
export class Coming<T> {
  #answer: Promise<T | undefined> = Promise.resolve(undefined);
  #settle: ((value: T | undefined) => void) | undefined;

  /** It is waited for so many milliseconds since it was expected, and not from each question on. */
  constructor(private readonly patienceMs: number) {}

  /** It is to come: who asks waits for it. */
  expect(): void {
    if (this.#settle === undefined) {
      const found = new Promise<T | undefined>((resolve) => (this.#settle = resolve));
      this.#answer = soon(found, this.patienceMs);
    }
  }

  /** It is there; undefined says that it does not come. */
  set(value: T | undefined): void {
    this.#settle?.(value);
    this.#settle = undefined;
    this.#answer = Promise.resolve(value);
  }

  /** It, or undefined where it is not there in time. */
  get(): Promise<T | undefined> {
    return this.#answer;
  }
}
