/**
 * Runs `fn` over `items`, `width` at a time, and yields the results in the items' order as they become ready.
 * @param fn must not reject: its failures are results too.
 * @param signal no item is begun after it.
 */
export async function* mapOrdered<T, R>(
  items: readonly T[],
  width: number,
  fn: (item: T) => Promise<R>,
  signal: AbortSignal,
): AsyncGenerator<R> {
  const pending: Promise<R>[] = [];
  let next = 0;
  for (;;) {
    while (next < items.length && pending.length < width && !signal.aborted) pending.push(fn(items[next++]!));
    const first = pending.shift();
    if (!first) return;
    yield await first;
  }
}
