import { fitFrame } from '../vision/frame.ts';
import type { InputSpec } from '../vision/input-spec.ts';
import { toInputTensor } from '../vision/pixels.ts';
import type { Session } from './session.ts';

/** The picture that graphs of dynamic size are warmed up with. */
const DEFAULT_SOURCE = { width: 640, height: 480 };

/** Runs a grey picture through a fresh session, so that the first request does not pay for first-run allocations. */
export async function warmUp(session: Session, input: InputSpec): Promise<void> {
  const frame = fitFrame(DEFAULT_SOURCE, input.resize);
  const grey = new Uint8Array(frame.content.width * frame.content.height * 3).fill(114);
  await session.run({ [input.name]: toInputTensor(grey, frame, input) });
}
