import { z } from 'zod';
import { describeIssues } from './catalog/manifest.ts';
import { AppError } from './errors.ts';
import { boxIouMatrix } from './eval/iou.ts';
import { maskIouMatrix } from './eval/mask-iou.ts';
import { parseObject } from './json-body.ts';
import { type Rle, rleFromCounts } from './vision/rle.ts';
import { rleFromString } from './vision/rle-string.ts';

const box = z.array(z.number()).length(4);
const rle = z.object({
  size: z.tuple([z.int().min(1), z.int().min(1)]).describe('Height and width'),
  counts: z.union([z.string(), z.array(z.int().min(0))]),
});
const crowd = z.array(z.union([z.literal(0), z.literal(1), z.boolean()])).describe('One flag for each element of b');

/** The answer has one number for each pair. */
const MAX_PAIRS = 4_000_000;

export const iouRequestSchema = z.union([
  z.strictObject({
    a: z.array(box),
    b: z.array(box),
    format: z.enum(['xyxy', 'xywh']).default('xyxy'),
    iscrowd: crowd.optional(),
  }),
  z.strictObject({ a: z.array(rle), b: z.array(rle), format: z.literal('rle'), iscrowd: crowd.optional() }),
]);

/**
 * Answers POST /v1/iou: JSON in, JSON out. Runs in a worker; the matrix may be large.
 * @throws AppError invalid_request.
 */
export function answerIou(body: Uint8Array): Uint8Array {
  const request = parse(parseObject(body));
  const { a, b, iscrowd } = request;
  if (iscrowd && iscrowd.length !== b.length) {
    throw new AppError('invalid_request', `iscrowd has ${iscrowd.length} flags for the ${b.length} elements of b`);
  }
  if (a.length * b.length > MAX_PAIRS) {
    throw new AppError(
      'payload_too_large',
      `${a.length} × ${b.length} pairs; at most ${MAX_PAIRS} are computed at once`,
    );
  }
  const matrix = compute(request);
  const rows = a.map((_, i) => Array.from(matrix.subarray(i * b.length, (i + 1) * b.length)));
  return new TextEncoder().encode(JSON.stringify({ iou: rows }));
}

function parse(json: Record<string, unknown>): z.output<typeof iouRequestSchema> {
  // A union reports every branch's complaints: the format says which one was meant.
  const [boxes, masks] = iouRequestSchema.options;
  const parsed = (json.format === 'rle' ? masks : boxes).safeParse(json);
  if (parsed.success) return parsed.data;
  throw new AppError('invalid_request', describeIssues(parsed.error));
}

function compute(request: z.output<typeof iouRequestSchema>): Float64Array {
  const crowd = request.iscrowd?.map(Number);
  try {
    if (request.format !== 'rle') {
      return boxIouMatrix(request.a, request.b, { format: request.format, ...(crowd && { crowd }) });
    }
    return maskIouMatrix(request.a.map(toRle), request.b.map(toRle), crowd);
  } catch (error) {
    if (error instanceof RangeError) throw new AppError('invalid_request', error.message, { cause: error });
    throw error;
  }
}

function toRle({ size: [height, width], counts }: z.output<typeof rle>): Rle {
  return typeof counts === 'string' ? rleFromString(counts, width, height) : rleFromCounts(counts, width, height);
}
