/** Alternating run lengths, background first, growing as they are written. */
export class RunWriter {
  #counts: Uint32Array;
  #length = 0;

  constructor(capacity = 64) {
    this.#counts = new Uint32Array(capacity);
  }

  get length(): number {
    return this.#length;
  }

  push(run: number): void {
    if (this.#length === this.#counts.length) {
      const larger = new Uint32Array(2 * this.#length + 16);
      larger.set(this.#counts);
      this.#counts = larger;
    }
    this.#counts[this.#length++] = run;
  }

  /** Writes all of `runs`. */
  append(runs: Uint32Array): void {
    const length = this.#length + runs.length;
    if (length > this.#counts.length) {
      const larger = new Uint32Array(2 * length);
      larger.set(this.#counts);
      this.#counts = larger;
    }
    this.#counts.set(runs, this.#length);
    this.#length = length;
  }

  /** Run number `i` so far. */
  at(i: number): number {
    return this.#counts[i]!;
  }

  /** A copy of exactly the runs written. */
  finish(): Uint32Array {
    return this.#counts.slice(0, this.#length);
  }
}
