import { AppError } from './errors.ts';

/** An image in a JSON body: its bytes, or a URL that is still to be fetched. */
export type JsonImage = { readonly bytes: Uint8Array } | { readonly url: string };

export interface JsonBody {
  readonly images: readonly JsonImage[];
  /** Every other member of the object: the options. */
  readonly fields: Readonly<Record<string, unknown>>;
}

/** More than every option with a thousand classes. */
const MAX_OPTION_BYTES = 64 * 1024;

/**
 * Reads `{ "image": … }` or `{ "images": [ … ] }` with options beside them. Runs where it blocks nobody: in a worker,
 * unless the body is small; what it returns is small but for the images' bytes, which no thread copies.
 * @throws AppError invalid_request or payload_too_large.
 */
export function parseJsonBody(body: Uint8Array, maxImages: number): JsonBody {
  const { image, images, ...fields } = parseObject(body);
  for (const [name, value] of Object.entries(fields)) checkFlat(name, value);
  if (JSON.stringify(fields).length > MAX_OPTION_BYTES) {
    throw new AppError('payload_too_large', `the options take more than ${MAX_OPTION_BYTES / 1024} KiB`);
  }
  if (image !== undefined && images !== undefined)
    throw new AppError('invalid_request', 'send image or images, not both');
  const many = Array.isArray(image) ? image : image === undefined ? images : [image];
  if (many === undefined) return { images: [], fields };
  if (!Array.isArray(many)) throw new AppError('invalid_request', 'images: expected an array');
  if (many.length > maxImages) {
    throw new AppError('payload_too_large', `${many.length} images in one request; at most ${maxImages} are taken`);
  }
  return { images: many.map(toImage), fields };
}

/** @throws AppError invalid_request unless the bytes are a JSON object. */
export function parseObject(body: Uint8Array): Record<string, unknown> {
  let json: unknown;
  try {
    // TextDecoder refuses shared memory, Buffer does not; `fatal` UTF-8 is not needed: JSON.parse sees replacements.
    json = JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8'));
  } catch (error) {
    throw new AppError('invalid_request', `the body is not JSON: ${(error as Error).message}`, { cause: error });
  }
  if (typeof json === 'object' && json !== null && !Array.isArray(json)) return json as Record<string, unknown>;
  throw new AppError('invalid_request', 'the body is not a JSON object');
}

/** Options whose value is a list of lists. */
const LISTS_OF_LISTS = ['proposals'];

/** Options are plain values or lists of them. What is nested deeper could not even be sent to another thread. */
function checkFlat(name: string, value: unknown): void {
  const list: unknown[] = Array.isArray(value) ? value : [value];
  const values = LISTS_OF_LISTS.includes(name) ? list.flat() : list;
  if (values.some((item) => typeof item === 'object' && item !== null)) {
    throw new AppError('invalid_request', `${name}: expected a plain value or a list of them; nothing here is nested`);
  }
}

function toImage(value: unknown, index: number): JsonImage {
  if (typeof value !== 'string') {
    throw new AppError('invalid_request', `image ${index}: expected base64, a data URI or a URL, got ${typeof value}`);
  }
  if (/^https?:\/\//i.test(value)) return { url: value };
  const dataUri = /^data:[^,]{0,200};base64,/i.exec(value);
  const base64 = (dataUri ? value.slice(dataUri[0].length) : value).replace(/\s+/g, '');
  // Buffer.from skips what is not base64, and would decode a typing error into noise.
  if (!/^[A-Za-z0-9+/_-]*={0,2}$/.test(base64)) {
    throw new AppError('invalid_request', `image ${index}: neither base64, a data URI nor an http(s) URL`);
  }
  const decoded = Buffer.from(base64, 'base64');
  const bytes = new Uint8Array(new SharedArrayBuffer(decoded.length));
  bytes.set(decoded);
  return { bytes };
}
