import { basename } from 'node:path';
import { toModelId } from '../catalog/store.ts';
import { type ImportReport, importModel } from '../importer/import-model.ts';
import { usage } from './failure.ts';
import { formatFacts } from './format-model.ts';
import type { Io } from './io.ts';
import { formatTable } from './table.ts';
import { write, writeJson } from './write.ts';

export interface ImportFlags {
  readonly id?: string;
  readonly out: string;
  readonly manifest: Readonly<Record<string, unknown>>;
  readonly inputRange?: string;
  readonly outputs?: string;
  readonly channelsFirst?: boolean;
  readonly verification: boolean;
  readonly json?: boolean;
}

/** `miru models import`: converts, compares with the original, and says how far the two lie apart. */
export async function importCommand(io: Io, source: string, flags: ImportFlags): Promise<void> {
  const id = flags.id ?? toModelId(basename(source, '.json'));
  const report = await importModel({
    source,
    out: flags.out,
    id,
    manifest: flags.manifest,
    ...(flags.inputRange !== undefined && { inputRange: parseRange(flags.inputRange) }),
    ...(flags.outputs !== undefined && { outputs: flags.outputs.split(',') }),
    ...(flags.channelsFirst && { channelsFirst: true }),
    skipVerification: !flags.verification,
    onProgress: (step) => io.stderr.write(`${step}…\n`),
  });
  await (flags.json ? writeJson(io.stdout, { id, ...report }) : write(io.stdout, formatReport(id, report)));
}

function parseRange(text: string): [number, number] {
  const [low, high, ...rest] = text.split(',').map(Number);
  if (rest.length === 0 && Number.isFinite(low) && Number.isFinite(high) && low! < high!) return [low!, high!];
  throw usage(`--input-range: expected two numbers such as 0,255, got ${text}`);
}

function formatReport(id: string, { inputs, outputs, bytes, sha256, verification }: ImportReport): string {
  const ports = (list: ImportReport['inputs']) => list.map(({ name, dims }) => `${name}  [${dims.join(',')}]`);
  const facts = formatFacts([
    ['model', id],
    ['inputs', ports(inputs)],
    ['outputs', ports(outputs)],
    ['size', `${(bytes / 2 ** 20).toFixed(1)} MiB`],
    ['sha256', sha256],
    ['compared', verification.verified ? 'with the original, on one picture' : `no: ${verification.reason}`],
  ]);
  if (!verification.verified) return facts;
  const rows = verification.outputs.map((o) => [
    o.name,
    ...[o.maxDifference, o.allowed, o.maxMagnitude].map((value) => value.toPrecision(3)),
  ]);
  const numbers = ['largest difference', 'allowed', 'largest value'];
  const columns = [{ title: 'output' }, ...numbers.map((title) => ({ title, align: 'right' as const }))];
  return `${facts}\n${formatTable(columns, rows)}`;
}
