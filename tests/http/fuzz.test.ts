import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { problem } from '../../src/http/responses.ts';
import { formType } from '../helpers/http.ts';
import { animation, plain } from '../helpers/pictures.ts';
import { startTestServer, type TestServer } from '../helpers/server.ts';

/** Whatever is sent, the answer is a result or a problem, never a failure of the server. FUZZ_RUNS asks for more. */
const numRuns = Number(process.env.FUZZ_RUNS ?? 100);
const timeout = 20_000 + numRuns * 200;
let server: TestServer;
let pictures: Uint8Array[];

beforeAll(async () => {
  server = await startTestServer({ models: ['nanodet-g-coco', 'selfie-segmentation'] });
  pictures = await Promise.all([
    plain(9, 7, 'jpeg'),
    plain(9, 7),
    plain(9, 7, 'webp'),
    animation('gif'),
    plain(9, 7, 'tiff'),
  ]);
});
afterAll(() => server.close());

async function send(path: string, type: string, body: Uint8Array | string): Promise<void> {
  const response = await fetch(`${server.url}${path}`, {
    method: 'POST',
    body: typeof body === 'string' ? body : new Uint8Array(body),
    headers: { 'content-type': type },
  });
  const bytes = Buffer.from(await response.arrayBuffer());
  if (response.status !== 200) {
    expect(bytes.toString()).toMatch(/^\{"type"/);
    const { status } = problem.parse(JSON.parse(bytes.toString()));
    expect(status).toBe(response.status);
    // 499 is for clients that hang up, which cannot see it.
    const isFair = status === 503 || (status >= 400 && status < 499);
    expect(isFair, bytes.toString()).toBe(true);
  }
}

const path = fc.constantFrom(
  '/v1/detect',
  '/v1/detect',
  '/v1/segment',
  '/v1/segment',
  '/v1/predict',
  '/v1/classify',
  '/v1/iou',
);
const optionName = fc.oneof(
  { arbitrary: fc.constantFrom('model', 'score_threshold', 'iou_threshold', 'max_detections', 'classes'), weight: 4 },
  { arbitrary: fc.constantFrom('class_agnostic', 'mask_format', 'format', 'image', 'images', '__proto__'), weight: 4 },
  fc.string({ unit: 'binary', maxLength: 12 }),
);
const optionText = fc.oneof(
  fc.constantFrom('nanodet-g-coco', 'selfie-segmentation', 'cat,dog', 'png', 'webp', 'coco', 'rle', 'polygon', 'true'),
  fc.double().map(String),
  fc.integer({ min: -2, max: 100 }).map(String),
  fc.string({ unit: 'binary', maxLength: 20 }),
);
/** Mostly none, or some that are in order: what is wrong with an option is found before what is wrong with a picture. */
const query = fc.oneof(
  { arbitrary: fc.constant(''), weight: 3 },
  {
    arbitrary: fc.subarray(['score_threshold=0', 'format=png', 'mask_format=polygon', 'max_detections=3']).map(toQuery),
    weight: 3,
  },
  fc
    .array(fc.tuple(optionName, optionText), { maxLength: 3 })
    .map((pairs) => toQuery(pairs.map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`))),
);

function toQuery(pairs: readonly string[]): string {
  return `?${pairs.join('&')}`;
}

/** A picture with some of its bytes changed, cut or repeated. */
const damaged = fc
  .record({
    which: fc.nat(4),
    edits: fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 8 }),
    cut: fc.oneof({ arbitrary: fc.constant(null), weight: 3 }, fc.nat()),
    tail: fc.uint8Array({ maxLength: 20 }),
  })
  .map(({ which, edits, cut, tail }) => {
    const bytes = Buffer.from(pictures[which]!);
    for (const [at, value] of edits) bytes[at % bytes.length] = value;
    return Buffer.concat([bytes.subarray(0, cut === null ? bytes.length : cut % bytes.length), tail]);
  });
const fileBytes = fc.oneof({ arbitrary: damaged, weight: 3 }, fc.uint8Array({ maxLength: 300 }));

it('raw bodies', { timeout }, async () => {
  const type = fc.oneof(
    { arbitrary: fc.constantFrom('image/png', 'image/jpeg', 'application/octet-stream'), weight: 5 },
    fc.constantFrom('text/html', 'multipart/form-data', 'application/json', 'image/svg+xml', 'a/b;c="d'),
  );
  const run = (to: string, options: string, of: string, body: Uint8Array) => send(`${to}${options}`, of, body);
  await fc.assert(fc.asyncProperty(path, query, type, fileBytes, run), { numRuns });
});

it('JSON bodies', { timeout }, async () => {
  const image = fc.oneof(
    fileBytes.map((bytes) => Buffer.from(bytes).toString('base64')),
    fileBytes.map((bytes) => `data:image/png;base64,${Buffer.from(bytes).toString('base64')}`),
    fc.webUrl(),
    fc.string({ unit: 'binary', maxLength: 40 }),
    fc.jsonValue({ maxDepth: 3 }),
  );
  const value = fc.oneof(optionText, fc.jsonValue({ maxDepth: 3 }));
  const body = fc
    .record({
      image: fc.option(image, { nil: undefined }),
      images: fc.oneof({ arbitrary: fc.constant(undefined), weight: 3 }, fc.array(image, { maxLength: 4 }), value),
      options: fc.oneof(
        { arbitrary: fc.constant([]), weight: 2 },
        fc.array(fc.tuple(optionName, value), { maxLength: 4 }),
      ),
      damage: fc.oneof(
        { arbitrary: fc.constant(undefined), weight: 3 },
        fc.tuple(fc.nat(), fc.uint8Array({ maxLength: 3 })),
      ),
    })
    .map(({ image, images, options, damage }) => {
      const members = Object.entries({ image, images }).filter(([, given]) => given !== undefined);
      const text = [...members, ...options].map(([name, given]) => `${JSON.stringify(name)}:${JSON.stringify(given)}`);
      const bytes = Buffer.from(`{${text.join(',')}}`);
      if (!damage) return bytes;
      const at = damage[0] % bytes.length;
      return Buffer.concat([bytes.subarray(0, at), damage[1], bytes.subarray(at + 1)]);
    });
  const run = (to: string, options: string, bytes: Uint8Array) => send(`${to}${options}`, 'application/json', bytes);
  await fc.assert(fc.asyncProperty(path, query, body, run), { numRuns });
});

it('forms', { timeout }, async () => {
  const text = fc.string({ unit: 'binary', maxLength: 12 });
  const disposition = fc.oneof(
    { arbitrary: fc.constant('form-data; name="image"; filename="a.jpg"'), weight: 12 },
    fc.tuple(optionName, text).map(([name, file]) => `form-data; name="${name}"; filename="${file}"`),
    optionName.map((name) => `form-data; name="${name}"`),
    text,
  );
  const content = fc.oneof(
    { arbitrary: fileBytes, weight: 2 },
    optionText.map((given) => Buffer.from(given)),
  );
  const line = fc.oneof({ arbitrary: fc.constant('\r\n'), weight: 12 }, fc.constantFrom('\n', ''));
  const onePart = fc.tuple(disposition, content, line);
  const body = fc
    .record({
      parts: fc.array(onePart, { minLength: 1, maxLength: 3 }),
      end: fc.oneof(
        { arbitrary: fc.constant('--x--\r\n'), weight: 6 },
        fc.constantFrom('--x--', '--x', '--y--\r\n', ''),
      ),
      damage: fc.oneof({ arbitrary: fc.constant(undefined), weight: 3 }, fc.tuple(fc.nat(), fc.nat(255))),
    })
    .map(({ parts, end, damage }) => {
      const written = parts.flatMap(([head, bytes, line]) => [
        Buffer.from(`--x${line}Content-Disposition: ${head}\r\n\r\n`),
        bytes,
        Buffer.from(line),
      ]);
      const whole = Buffer.concat([...written, Buffer.from(end)]);
      if (damage && whole.length > 0) whole[damage[0] % whole.length] = damage[1];
      return whole;
    });
  const run = (to: string, options: string, bytes: Uint8Array) => send(`${to}${options}`, formType, bytes);
  await fc.assert(fc.asyncProperty(path, query, body, run), { numRuns });
});

it('and it still serves', async () => {
  // Pictures beside one that failed may still be in work.
  await expect.poll(() => server.engine.pool.stats).toMatchObject({ queued: 0, running: 0, lost: 0 });
  await send('/v1/detect', 'image/png', pictures[1]!);
  expect(({} as Record<string, unknown>).polluted).toBeUndefined();
});
