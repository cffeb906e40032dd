import { loadConfig } from '../config.ts';
import type { Io } from './io.ts';
import { serve } from './serve.ts';

export async function run(io: Io): Promise<number> {
  return serve(loadConfig(io.env), io);
}
