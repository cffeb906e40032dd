/** Numbers that are the same for the same seed and case, so that any case can be run again alone. */
export class Random {
  #state;

  constructor(seed, index) {
    this.#state = hash(hash(seed) ^ index);
  }

  /** Uniform in [0, 1). */
  next() {
    this.#state = (this.#state + 0x9e3779b9) | 0;
    return hash(this.#state) / 2 ** 32;
  }

  /** An integer from 0 to below `end`. */
  below(end) {
    return Math.floor(this.next() * end);
  }

  chance(part) {
    return this.next() < part;
  }

  of(list) {
    return list[this.below(list.length)];
  }

  bytes(length) {
    return Buffer.from(Array.from({ length }, () => this.below(256)));
  }
}

/** The finaliser of MurmurHash3. */
function hash(value) {
  let h = value | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
