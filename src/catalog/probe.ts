import { extraInputs } from '../families/extra-inputs.ts';
import { findImageInput, imageInputSpec } from '../families/graph.ts';
import { normalizations } from '../families/normalization.ts';
import { openSession, type Session } from '../runtime/session.ts';
import { fitFrame } from '../vision/frame.ts';
import { toInputTensor } from '../vision/pixels.ts';
import type { Probe, Signature } from '../vision/signature.ts';

/** Sides that graphs of any size are tried with, in pixels. */
const SIDES = [640, 512, 224];

/**
 * Runs a picture of no meaning through a graph. Its shapes, and a look at its numbers, tell apart what the signature
 * alone does not.
 * @param signature of batch 1.
 * @returns undefined where the graph takes no picture or does not run.
 */
export async function probeGraph(path: string, signature: Signature, batch: number): Promise<Probe | undefined> {
  if (!findImageInput(signature)) return undefined;
  let session: Session | undefined;
  try {
    session = await openSession(path, { provider: 'cpu', threads: 1 });
    for (const side of SIDES) {
      const probe = await tryProbe(session, signature, batch, side).catch(() => undefined);
      if (probe) return probe;
    }
  } catch {
    // A graph that cannot be loaded is refused when it is loaded, with the reason.
  } finally {
    await session?.release();
  }
  return undefined;
}

async function tryProbe(session: Session, signature: Signature, batch: number, side: number): Promise<Probe> {
  const size = { width: side, height: side };
  const spec = { ...imageInputSpec(signature, { fit: 'stretch', defaultSize: size, ...normalizations.unit }), batch };
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
