import type { Writable } from 'node:stream';

const BAR_WIDTH = 24;
const REDRAW_MS = 100;
const clearLine = '\r\x1b[2K';

/** What is counted, in words. */
export interface Unit {
  readonly count: (done: number, total: number) => string;
  readonly rate: (perSecond: number) => string;
}

const images: Unit = { count: (done, total) => `${done}/${total}`, rate: formatRate };

/** A bar on the last line of a terminal: how much is done, how fast, time left. Silent where nobody watches. */
export class Progress {
  readonly #stream: Writable;
  readonly #isShown: boolean;
  readonly #total: number;
  readonly #unit: Unit;
  readonly #started = performance.now();
  #done = 0;
  /** What came since the start; the rest was there. */
  #added = 0;
  #drawnAt = Number.NEGATIVE_INFINITY;

  constructor(stream: Writable, { isShown, total, done = 0, unit = images }: ProgressOptions) {
    this.#stream = stream;
    this.#isShown = isShown;
    this.#total = total;
    this.#done = done;
    this.#unit = unit;
    this.draw();
  }

  /** One more is done. */
  step(): void {
    this.moveTo(this.#done + 1);
  }

  /** So many are done; fewer than before where some have to be done again. */
  moveTo(done: number): void {
    this.#added += Math.max(0, done - this.#done);
    this.#done = done;
    if (performance.now() - this.#drawnAt >= REDRAW_MS) this.draw();
  }

  draw(): void {
    if (!this.#isShown) return;
    this.#drawnAt = performance.now();
    const rate = this.#added / ((this.#drawnAt - this.#started) / 1000);
    this.#stream.write(clearLine + formatProgress(this.#done, this.#total, rate, this.#unit));
  }

  /** Frees the line for other text; `draw` puts the bar back below it. */
  clear(): void {
    if (this.#isShown) this.#stream.write(clearLine);
  }
}

export interface ProgressOptions {
  readonly isShown: boolean;
  /** 0 where nobody knows. */
  readonly total: number;
  /** There before the start. */
  readonly done?: number;
  readonly unit?: Unit;
}

export function formatProgress(done: number, total: number, rate: number, unit: Unit = images): string {
  if (total === 0) return rate > 0 ? `${unit.count(done, total)}  ${unit.rate(rate)}` : unit.count(done, total);
  const filled = Math.floor((BAR_WIDTH * done) / total);
  const bar = '━'.repeat(filled) + '╌'.repeat(BAR_WIDTH - filled);
  const left = rate > 0 ? `  ${unit.rate(rate)}  ${formatSeconds((total - done) / rate)} left` : '';
  return `${bar}  ${unit.count(done, total)}${left}`;
}

export function formatRate(imagesPerSecond: number): string {
  return `${imagesPerSecond.toFixed(imagesPerSecond < 100 ? 1 : 0)} images/s`;
}

/** `0.42 s`, `4.2 s`, `42 s`, `3:05 min`, `2:07 h`. */
export function formatSeconds(seconds: number): string {
  if (seconds < 0.995) return `${seconds.toFixed(2)} s`;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const two = (value: number) => String(value).padStart(2, '0');
  if (whole < 3600) return `${Math.floor(whole / 60)}:${two(whole % 60)} min`;
  const minutes = Math.round(whole / 60);
  return `${Math.floor(minutes / 60)}:${two(minutes % 60)} h`;
}
