import { performance } from 'node:perf_hooks';
import type { ModelDescription } from './catalog/describe.ts';
import { AppError, messageOf } from './errors.ts';
import { ofFirstPicture } from './families/batch.ts';
import type { BoundFamily } from './families/define.ts';
import { extraInputs } from './families/extra-inputs.ts';
import { mostProposals, proposalInput, withProposals } from './families/proposals.ts';
import { openPicture, type Picture, regionsOf } from './image/picture.ts';
import type { Format, MaskFormat } from './options.ts';
import { toCocoResults } from './render/coco.ts';
import { toJsonResult } from './render/json.ts';
import { labelMapToPng } from './render/masks.ts';
import { renderOverlay } from './render/overlay.ts';
import type { Session } from './runtime/session.ts';
import type { Checkpoint } from './runtime/thread.ts';
import { type Frame, fitFrame, fitWindow, ownFrame } from './vision/frame.ts';
import { fixedSize, type InputSpec } from './vision/input-spec.ts';
import { toInputTensor } from './vision/pixels.ts';
import { slidingWindows, toInputBoxes } from './vision/proposals.ts';
import { stackRows, type Tensor, type Tensors } from './vision/tensor.ts';
import { toSource } from './vision/to-source.ts';
import type { Limits, Prediction, Result, Size } from './vision/types.ts';

export interface LoadedModel {
  readonly description: ModelDescription;
  readonly family: BoundFamily;
  readonly session: Session;
}

export interface PredictRequest {
  /** An encoded picture, as it was uploaded. */
  readonly image: Uint8Array;
  /** Its file name, for the answer. */
  readonly name: string;
  readonly maxPixels: number;
  readonly limits: Limits;
  readonly format: Format;
  readonly maskFormat?: MaskFormat | undefined;
  /** Where to look, 4n in pixels of the picture, for models that ask; else windows all over it. */
  readonly proposals?: Float32Array | undefined;
  /** Category ids for `format=coco`. */
  readonly categoryIds?: readonly number[] | undefined;
}

/** Milliseconds that each step took. */
export interface Timing {
  readonly decode: number;
  readonly preprocess: number;
  readonly inference: number;
  readonly postprocess: number;
}

export interface PredictReply {
  /** One element of `results` (json), of the results array (coco, comma-separated), or the encoded picture. */
  readonly body: Uint8Array;
  readonly timing: Timing;
}

/** The whole way of one picture, from uploaded bytes to the bytes of the answer. Runs in a worker thread. */
export async function predict(
  model: LoadedModel,
  request: PredictRequest,
  checkpoint: Checkpoint,
): Promise<PredictReply> {
  const t0 = performance.now();
  const picture = await openPicture(request.image, { maxPixels: request.maxPixels });
  const look = model.family.input.windows ? lookThroughWindows : lookAtWhole;
  const { frame, outputs, t1, t2, t3 } = await look(model, picture, request.proposals, checkpoint);

  const prediction = decode(model, outputs, frame.input, request.limits);
  const result = toSource(prediction, frame);
  checkpoint();
  const body = await render(result, picture, model, request);

  const timing = { decode: t1 - t0, preprocess: t2 - t1, inference: t3 - t2, postprocess: performance.now() - t3 };
  return { body, timing };
}

/** What a graph gave, and when: the pixels were there (t1), the input (t2), the outputs (t3). */
interface Seen {
  readonly frame: Frame;
  readonly outputs: Tensors;
  readonly t1: number;
  readonly t2: number;
  readonly t3: number;
}

type Look = (
  model: LoadedModel,
  picture: Picture,
  proposals: Float32Array | undefined,
  checkpoint: Checkpoint,
) => Promise<Seen>;

const lookAtWhole: Look = async (model, picture, proposals, checkpoint) => {
  const { input } = model.family;
  const frame = fitFrame(picture, input.resize);
  const rgb = await picture.resized(frame.content, input.interpolation, frame.region);
  const t1 = performance.now();
  const tensor = toInputTensor(rgb, frame, input);
  checkpoint();
  const t2 = performance.now();
  const outputs = await run(model, tensor, frame, proposals);
  return { frame, outputs, t1, t2, t3: performance.now() };
};

/** For graphs that see one window at a time. Decoders get the rows of all windows, and boxes in the picture's own pixels. */
const lookThroughWindows: Look = async (model, picture, proposals, checkpoint) => {
  const { input } = model.family;
  const boxes = proposals ?? slidingWindows(picture);
  const cut = regionsOf(await picture.pixels(), picture);
  const t1 = performance.now();
  const rows: Tensors[] = [];
  for (let i = 0; i < boxes.length / 4; i++) {
    const [a, b, c, d] = boxes.subarray(4 * i, 4 * i + 4) as unknown as [number, number, number, number];
    const { region, frame } = fitWindow([a, b, c, d], picture, windowSize(input), input.windows?.context ?? 0);
    const rgb = await cut(region, frame.content, input.interpolation);
    checkpoint();
    rows.push(await run(model, toInputTensor(rgb, frame, input), frame, undefined));
  }
  const outputs = withProposals(stackRows(rows), boxes);
  return { frame: ownFrame(picture), outputs, t1, t2: t1, t3: performance.now() };
};

function windowSize({ resize }: InputSpec): Size {
  const size = fixedSize(resize);
  if (!size)
    throw new AppError('invalid_model', 'a graph that takes windows of a picture needs an input of fixed size');
  return size;
}

/** The picture that graphs of any size are warmed up with. */
const WARM_UP_SIZE = { width: 640, height: 480 };
const ALL: Limits = { scoreThreshold: 0, iouThreshold: 1, maxDetections: 100, classAgnostic: false };

/**
 * Takes a grey picture through a fresh model, so that the first request does not pay for first-run allocations, and a
 * model that cannot be served is known for it before the first request.
 * @throws AppError invalid_model where the graph does not run or its outputs are not what its family gives.
 */
export async function warmUp(model: LoadedModel): Promise<void> {
  const { input } = model.family;
  try {
    const frame = fitFrame(input.windows ? windowSize(input) : WARM_UP_SIZE, input.resize);
    const grey = new Uint8Array(frame.content.width * frame.content.height * 3).fill(114);
    const outputs = await run(model, toInputTensor(grey, frame, input), frame, undefined);
    const whole = Float32Array.of(0, 0, frame.input.width, frame.input.height);
    const seen = input.windows ? withProposals(stackRows([outputs]), whole) : outputs;
    toSource(decode(model, seen, frame.input, ALL), frame);
  } catch (error) {
    throw new AppError('invalid_model', messageOf(error), { cause: error });
  }
}

/** @param proposals in pixels of the source; for graphs that ask where to look, windows all over it where absent. */
async function run(
  { session, description, family }: LoadedModel,
  tensor: Tensor,
  frame: Frame,
  proposals: Float32Array | undefined,
): Promise<Tensors> {
  const { name, batch } = family.input;
  const { signature } = description;
  const asks = proposalInput(signature) !== undefined;
  const boxes = asks ? toInputBoxes(proposals ?? slidingWindows(frame.source), frame) : undefined;
  try {
    const outputs = await session.run({
      [name]: tensor,
      ...extraInputs(signature, name, frame.input, batch, boxes),
    });
    const first = ofFirstPicture(outputs, signature, batch);
    return boxes ? withProposals(first, boxes.subarray(0, 4 * (mostProposals(signature) ?? boxes.length / 4))) : first;
  } catch (error) {
    throw new AppError('inference_failed', `the model failed on a picture: ${messageOf(error)}`, { cause: error });
  }
}

function decode({ family }: LoadedModel, outputs: Tensors, input: Size, limits: Limits): Prediction {
  try {
    return family.decode(outputs, input, limits);
  } catch (error) {
    const message = `the model's outputs are not what its family gives: ${messageOf(error)}`;
    throw new AppError('inference_failed', message, { cause: error });
  }
}

async function render(result: Result, picture: Picture, model: LoadedModel, request: PredictRequest) {
  const { labels } = model.description;
  const { format, maskFormat } = request;
  if (format === 'json') return encode(await toJsonResult(result, { ...request, picture, labels }));
  if (format === 'coco') return encode(toCocoResults(result, { ...request, picture }));
  if (result.task === 'semantic-segmentation' && format === 'png' && maskFormat === 'png') {
    return labelMapToPng(result.value.labels, result.value);
  }
  const { width, height } = picture;
  return renderOverlay({ data: await picture.pixels(), width, height }, result, labels, format);
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
