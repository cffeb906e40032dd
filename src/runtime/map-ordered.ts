/**
 * Runs `fn` over `items`, `width` at a time, and yields the results in the items' order as they become ready.
 * @param items are taken as they are needed.
 * @param fn must not reject: its failures are results too.
 * @param signal no item is begun after it.
 */
export async function* mapOrdered<T, R>(
  items: Iterable<T> | AsyncIterable<T>,
  width: number,
  fn: (item: T) => Promise<R>,
  signal: AbortSignal,
): AsyncGenerator<R> {
  const source = Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]();
  const pending: Promise<R>[] = [];
  let isOver = false;
  try {
    for (;;) {
      while (!isOver && pending.length < width && !signal.aborted) {
        const item = await source.next();
        if (item.done) isOver = true;
        else pending.push(fn(item.value));
      }
      const first = pending.shift();
      if (!first) return;
      yield await first;
    }
  } finally {
    await source.return?.();
  }
}
