/**
 * Does `work` every `ms`, counted from the end of the last time: never twice in quick succession, however long it takes.
 * @returns what ends it.
 */
export function repeat(ms: number, work: () => Promise<void>): () => void {
  let timer: NodeJS.Timeout | undefined;
  let isStopped = false;
  const wait = () => {
    if (isStopped) return;
    timer = setTimeout(() => void work().finally(wait), ms);
  };
  wait();
  return () => {
    isStopped = true;
    clearTimeout(timer);
  };
}
