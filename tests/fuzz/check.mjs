// What an answer to hostile input may be.

/** Messages of mistakes in the program, and of limits of the engine that it ran into. */
const ACCIDENT =
  /call stack|invalid (?:typed )?array length|invalid string length|allocation failed|out of memory|is not a function|is not iterable|cannot read prop|cannot convert undefined|undefined is not|is not defined|heap/i;

/**
 * Says what is wrong with an error, or nothing where it is one that the parser documents.
 * @param {unknown} error
 * @param {readonly (new (...args: never[]) => Error)[]} documented
 */
export function complaint(error, documented) {
  if (!(error instanceof Error)) return `threw ${typeof error}`;
  if (!documented.some((type) => error instanceof type)) return `threw ${error.stack}`;
  if (error.code === 'internal') return `internal: ${error.stack}`;
  return complaintAbout(error.message);
}

export function complaintAbout(message) {
  if (message.length === 0) return 'an error without a message';
  if (message.length > 5000) return `an error of ${message.length} characters: ${message.slice(0, 200)}…`;
  if (ACCIDENT.test(message)) return `an accident: ${message}`;
  return undefined;
}
