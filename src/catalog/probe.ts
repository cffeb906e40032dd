import { forOnePicture } from '../families/batch.ts';
import { extraInputs } from '../families/extra-inputs.ts';
import { findImageInput, imageInputSpec } from '../families/graph.ts';
import { normalizations } from '../families/normalization.ts';
import { runIsolated } from '../runtime/isolated.ts';
import { scriptOf } from '../runtime/script.ts';
import { openSession, type Session } from '../runtime/session.ts';
import { fitFrame } from '../vision/frame.ts';
import { toInputTensor } from '../vision/pixels.ts';
import type { Probe, Signature } from '../vision/signature.ts';

/** Sides that graphs of any size are tried with, in pixels. */
const SIDES = [640, 512, 224];
/** A side that is a multiple of so much and of nothing more: decoders that join levels do not take every size. */
const MULTIPLES = new Map([
  [225, 1],
  [232, 8],
  [240, 16],
]);
const COARSEST = 32;
/** The largest models take seconds on a CPU. */
const PROBE_MS = 60_000;

export interface ProbeRequest {
  readonly path: string;
  /** The graph's own. */
  readonly signature: Signature;
  readonly batch: number;
  /** That are tried in turn, until the graph runs. */
  readonly sides: readonly number[];
}

/**
 * Runs a picture of no meaning through a graph. Its shapes, and a look at its numbers, tell apart what the signature
 * alone does not. In a process of its own: a graph may be no model at all, or crash at a size that it was not made for.
 * @returns undefined where the graph takes no picture or does not run.
 */
export async function probeGraph(graph: Omit<ProbeRequest, 'sides'>): Promise<Probe | undefined> {
  const input = findImageInput(forOnePicture(graph.signature, graph.batch));
  const probe = input && (await probeApart({ ...graph, sides: SIDES }));
  const givesMaps = Object.values(probe?.outputs ?? {}).some(({ dims }) => dims.length === 4);
  if (!probe || !givesMaps || input.width !== undefined || input.height !== undefined) return probe;
  const finer = await probeApart({ ...graph, sides: [...MULTIPLES.keys()] });
  return { ...probe, multiple: (finer && MULTIPLES.get(finer.input.width)) ?? COARSEST };
}

function probeApart(request: ProbeRequest): Promise<Probe | undefined> {
  const reply = runIsolated<ProbeRequest, Probe | undefined>(scriptOf('catalog/probe-process'), request, PROBE_MS);
  return reply.catch(() => undefined);
}

/** What the process does. */
export async function runProbe({ path, signature, batch, sides }: ProbeRequest): Promise<Probe | undefined> {
  let session: Session | undefined;
  try {
    session = await openSession(path, { provider: 'cpu', threads: 1 });
    for (const side of sides) {
      const probe = await tryProbe(session, signature, batch, side).catch(() => undefined);
      if (probe) return probe;
    }
    return undefined;
  } finally {
    await session?.release();
  }
}

async function tryProbe(session: Session, signature: Signature, batch: number, side: number): Promise<Probe> {
  const size = { width: side, height: side };
  const one = forOnePicture(signature, batch);
  const spec = { ...imageInputSpec(one, { fit: 'stretch', defaultSize: size, ...normalizations.unit }), batch };
  const raw = spec.dtype === 'uint8' ? { ...spec, ...normalizations.none } : spec;
  const frame = fitFrame(size, raw.resize);
  const outputs = await session.run({
    [raw.name]: toInputTensor(pattern(frame.content.width, frame.content.height), frame, raw),
    ...extraInputs(signature, raw.name, frame.input, batch),
  });
  return { input: frame.input, outputs };
}

/** Discs on a gradient: something for a detector to look at, the same every time. */
function pattern(width: number, height: number): Uint8Array {
  const rgb = new Uint8Array(width * height * 3);
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at += 3) {
      const inside = Math.hypot((x % 96) - 48, (y % 96) - 48) < 32;
      rgb[at] = inside ? 230 : (255 * x) / width;
      rgb[at + 1] = inside ? 60 : (255 * y) / height;
      rgb[at + 2] = inside ? 40 : 128;
    }
  }
  return rgb;
}
