import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../errors.ts';
import type { Endpoint } from '../predict-api.ts';
import type { ApiClient } from './api-client.ts';
import type { PredictFields, Predictor } from './predictor.ts';

/** Enough to keep a small server busy, few enough to leave it room for others. */
const IMAGES_IN_FLIGHT = 8;
/** A server that has no room for so long is left alone. */
const MAX_ATTEMPTS = 10;

/** Predicts on a running server. */
export function openRemotePredictor(client: ApiClient, endpoint: Endpoint, fields: PredictFields): Predictor {
  async function post(form: FormData, signal: AbortSignal): Promise<Uint8Array> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await client.request('POST', `v1/${endpoint}`, form, signal);
      } catch (error) {
        const seconds = error instanceof AppError && error.code === 'overloaded' ? (error.retryAfter ?? 1) : undefined;
        if (seconds === undefined || attempt === MAX_ATTEMPTS) throw error;
        await sleep(seconds * 1000, undefined, { signal });
      }
    }
  }

  return {
    concurrency: IMAGES_IN_FLIGHT,
    prepare: async () => {},
    predict({ name, bytes }, ask, signal) {
      const form = new FormData();
      for (const [field, value] of Object.entries({ ...fields, ...ask })) {
        if (value !== undefined) form.append(field, value);
      }
      form.append('image', new Blob([Uint8Array.from(bytes)]), name);
      return post(form, signal);
    },
    close: async () => {},
  };
}
