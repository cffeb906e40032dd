import type { PredictionReply } from './engine.ts';
import type { Task } from './vision/types.ts';

/** The tasks that each endpoint takes. */
export const endpoints = {
  detect: ['detection', 'instance-segmentation'],
  segment: ['semantic-segmentation', 'instance-segmentation'],
  classify: ['classification'],
  predict: ['detection', 'instance-segmentation', 'semantic-segmentation', 'classification'],
} as const satisfies Record<string, readonly Task[]>;

export type Endpoint = keyof typeof endpoints;

/**
 * What an endpoint answers with: a JSON document, a COCO results array or a picture.
 * @param totalMs milliseconds from the request to its answer.
 */
export function toBody(reply: PredictionReply, totalMs: number): Buffer {
  const { bodies, format } = reply;
  if (format === 'json') {
    const head = Buffer.from(`{"model":${JSON.stringify(reply.model)},"task":"${reply.task}","results":[`);
    const tail = Buffer.from(`],"timing":${JSON.stringify(timing(reply, totalMs))}}`);
    return Buffer.concat([head, ...joined(bodies), tail]);
  }
  if (format === 'coco') {
    const filled = bodies.filter((body) => body.length > 0);
    return Buffer.concat([Buffer.from('['), ...joined(filled), Buffer.from(']')]);
  }
  const [picture] = bodies as [Uint8Array];
  return Buffer.from(picture.buffer, picture.byteOffset, picture.byteLength);
}

function joined(bodies: readonly Uint8Array[]): Uint8Array[] {
  const comma = Buffer.from(',');
  return bodies.flatMap((body, i) => (i === 0 ? [body] : [comma, body]));
}

function timing({ timing: t }: PredictionReply, totalMs: number) {
  const round = (ms: number) => Math.round(ms * 100) / 100;
  return {
    decode_ms: round(t.decode),
    preprocess_ms: round(t.preprocess),
    queue_ms: round(t.queue),
    inference_ms: round(t.inference),
    postprocess_ms: round(t.postprocess),
    total_ms: round(totalMs),
  };
}
