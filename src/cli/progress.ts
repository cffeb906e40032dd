import type { Writable } from 'node:stream';

const BAR_WIDTH = 24;
const REDRAW_MS = 100;
const clearLine = '\r\x1b[2K';

/** A bar on the last line of a terminal: images done, images per second, time left. Silent where nobody watches. */
export class Progress {
  readonly #stream: Writable;
  readonly #isShown: boolean;
  readonly #total: number;
  readonly #started = performance.now();
  #done = 0;
  #drawnAt = Number.NEGATIVE_INFINITY;

  constructor(stream: Writable, { isShown, total }: { isShown: boolean; total: number }) {
    this.#stream = stream;
    this.#isShown = isShown;
    this.#total = total;
    this.draw();
  }

  /** One more image is done. */
  step(): void {
    this.#done++;
    if (performance.now() - this.#drawnAt >= REDRAW_MS) this.draw();
  }

  draw(): void {
    if (!this.#isShown) return;
    this.#drawnAt = performance.now();
    this.#stream.write(clearLine + formatProgress(this.#done, this.#total, this.#drawnAt - this.#started));
  }

  /** Frees the line for other text; `draw` puts the bar back below it. */
  clear(): void {
    if (this.#isShown) this.#stream.write(clearLine);
  }
}

export function formatProgress(done: number, total: number, elapsedMs: number): string {
  const filled = Math.floor((BAR_WIDTH * done) / total);
  const bar = '━'.repeat(filled) + '╌'.repeat(BAR_WIDTH - filled);
  const rate = done / (elapsedMs / 1000);
  const left = done === 0 ? '' : `  ${formatRate(rate)}  ${formatSeconds((total - done) / rate)} left`;
  return `${bar}  ${done}/${total}${left}`;
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
