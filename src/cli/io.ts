import type { Writable } from 'node:stream';

/** What a command may touch of the process; main.ts hands it in, tests hand in their own. */
export interface Io {
  /** Arguments after the program's name. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdout: Writable;
  readonly stderr: Writable;
  /** Whether a person watches stderr: progress bars and colours make sense. */
  readonly isTerminal: boolean;
  /** Asks the person at the terminal for a line, which Ctrl-C gives none of; absent where nobody can answer. */
  readonly ask?: ((question: string) => Promise<string | undefined>) | undefined;
  /** Called once for SIGINT or SIGTERM. */
  readonly onSignal: (handler: (signal: string) => void) => void;
}
