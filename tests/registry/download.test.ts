import type { RequestListener } from 'node:http';
import { describe, expect, test, vi } from 'vitest';
import { type DownloadOptions, download } from '../../src/registry/download.ts';
import { PartialFile } from '../../src/registry/partial-file.ts';
import { follow } from '../../src/registry/request.ts';
import { temporaryFolder } from '../cli/miru.ts';
import { cut, hashOf, randomFile, sendFile, serve, startOf } from './file-server.ts';

const SIZE = 1_200_000;
const wantedFile = randomFile(SIZE);

interface Setup extends Partial<DownloadOptions> {
  /** What is there before. */
  readonly before?: Uint8Array;
  /** Whether the size is known. */
  readonly isSized?: boolean;
  readonly maxBytes?: number;
}

/** Downloads the wanted file and tells how it went. */
async function run(urls: readonly string[], { before, isSized = true, maxBytes = 2 ** 21, ...options }: Setup = {}) {
  const { bytes, sha256 } = wantedFile;
  const file = await PartialFile.open(temporaryFolder(), sha256);
  if (before) await file.append(before);
  const troubles: string[] = [];
  const seen: number[] = [];
  const error = await download(
    urls,
    file,
    { sha256, bytes: isSized ? bytes.length : undefined, maxBytes },
    {
      signal: new AbortController().signal,
      onProgress: (done) => seen.push(done),
      onTrouble: (message) => troubles.push(message),
      stallMs: 5000,
      retryMs: 1,
      ...options,
    },
  ).catch((caught: unknown) => caught as Error);
  const result = { error, troubles, seen, size: file.size, sha256: await file.sha256() };
  await file.release();
  return result;
}

const good: RequestListener = (request, response) => sendFile(request, response, wantedFile.bytes);
const isRight = { error: undefined, size: SIZE, sha256: wantedFile.sha256 };

/** Answers the first request so and the rest well. */
function first(listener: RequestListener, rest: RequestListener = good): RequestListener {
  let isFirst = true;
  return (request, response) => {
    (isFirst ? listener : rest)(request, response);
    isFirst = false;
  };
}

describe('a server that keeps its word', () => {
  test.each([true, false])('gives the file (size known: %s)', async (isSized) => {
    const { url, requests } = await serve(good);
    const result = await run([`${url}/model.onnx`], { isSized });
    expect(result).toMatchObject({ ...isRight, troubles: [] });
    expect(result.seen.at(-1)).toBe(SIZE);
    expect(requests).toHaveLength(1);
    expect(requests[0]!.headers).not.toHaveProperty('range');
    expect(requests[0]!.headers['accept-encoding']).toBe('identity');
  });

  test.each([true, false])('is asked for the rest only (size known: %s)', async (isSized) => {
    const { url, requests } = await serve(good);
    const result = await run([url], { isSized, before: wantedFile.bytes.subarray(0, 1000) });
    expect(result).toMatchObject(isRight);
    expect(requests.map(startOf)).toEqual([1000]);
  });

  test('is asked for nothing where all bytes are there', async () => {
    const { url, requests } = await serve(good);
    expect(await run([url], { before: wantedFile.bytes })).toMatchObject(isRight);
    expect(requests).toHaveLength(0);
  });

  test('says where a file of unknown size ends', async () => {
    const { url, requests } = await serve(good);
    expect(await run([url], { before: wantedFile.bytes, isSized: false })).toMatchObject(isRight);
    expect(requests).toHaveLength(1);
  });

  test('sends without a length', async () => {
    const { url } = await serve((_, response) => {
      response.write(wantedFile.bytes.subarray(0, 10));
      response.end(wantedFile.bytes.subarray(10));
    });
    expect(await run([url])).toMatchObject(isRight);
  });

  test('sends elsewhere', async () => {
    const other = await serve(good);
    const { url } = await serve((_, response) => response.writeHead(302, { location: `${other.url}/there` }).end());
    expect(await run([url], { before: wantedFile.bytes.subarray(0, 7) })).toMatchObject(isRight);
    expect(other.requests.map(startOf)).toEqual([7]);
  });
});

describe('a connection that is cut', () => {
  test('is taken up where it broke', async () => {
    const { url, requests } = await serve(first((_, response) => cut(response, wantedFile.bytes, 200_000)));
    const result = await run([url]);
    expect(result).toMatchObject(isRight);
    expect(result.troubles).toEqual([
      expect.stringMatching(/^127\.0\.0\.1:\d+: the connection was cut; trying again$/),
    ]);
    expect(startOf(requests[1]!)).toBeGreaterThan(0);
    expect(requests).toHaveLength(2);
  });

  test.each([
    ['"one"', '"one"'],
    ['W/"one"', undefined],
  ])('the file is named by its ETag %s', async (etag, asked) => {
    const { url, requests } = await serve(first((_, response) => cut(response, wantedFile.bytes, 200_000, { etag })));
    expect(await run([url])).toMatchObject(isRight);
    expect(requests[1]!.headers['if-range']).toBe(asked);
  });

  test('starts again where the server knows no ranges', async () => {
    const { url } = await serve(
      first(
        (_, response) => cut(response, wantedFile.bytes, 200_000),
        (_, response) => response.end(wantedFile.bytes),
      ),
    );
    const result = await run([url]);
    expect(result).toMatchObject(isRight);
    expect(result.seen.some((bytes, i) => i > 0 && bytes < result.seen[i - 1]!)).toBe(true);
  });

  test('again and again, but a little further each time, comes to the end', async () => {
    const { url, requests } = await serve((request, response) => {
      const start = startOf(request) ?? 0;
      const end = Math.min(start + 200_000, SIZE);
      const headers = { 'content-length': SIZE - start, 'content-range': `bytes ${start}-${SIZE - 1}/${SIZE}` };
      response.writeHead(start === 0 ? 200 : 206, start === 0 ? { 'content-length': SIZE } : headers);
      response.write(wantedFile.bytes.subarray(start, end), () => setImmediate(() => response.destroy()));
    });
    expect(await run([url])).toMatchObject(isRight);
    expect(requests.length).toBeGreaterThan(4);
  });

  test('again and again with next to nothing is given up, and what came is kept', async () => {
    const { url, requests } = await serve((request, response) => {
      const start = startOf(request) ?? 0;
      const range = `bytes ${start}-${SIZE - 1}/${SIZE}`;
      response.writeHead(start === 0 ? 200 : 206, start === 0 ? {} : { 'content-range': range });
      response.write(wantedFile.bytes.subarray(start, start + 1), () => setImmediate(() => response.destroy()));
    });
    const { error, size } = await run([url]);
    expect(error).toMatchObject({
      code: 'url_fetch_failed',
      message: expect.stringContaining('the connection was cut'),
    });
    expect(size).toBeGreaterThan(0);
    expect(requests).toHaveLength(4);
  });
});

describe('a server that lies', () => {
  test('promises more than it sends', async () => {
    const { url, requests } = await serve((_, response) => cut(response, wantedFile.bytes, 5));
    expect((await run([url])).error).toMatchObject({ message: expect.stringContaining('the connection was cut') });
    expect(requests).toHaveLength(4);
  });

  test('ends early without having promised anything', async () => {
    const { url } = await serve((_, response) => {
      response.write(wantedFile.bytes.subarray(0, 5));
      response.end();
    });
    const { error } = await run([url]);
    expect(error).toMatchObject({ message: expect.stringContaining(`ended after 5 of ${SIZE} bytes`) });
  });

  test('has a file of another size: not a byte of it is read', async () => {
    const { url, requests } = await serve((_, response) =>
      response.end('version https://git-lfs.github.com/spec/v1\n'),
    );
    const { error, size } = await run([url]);
    expect(error).toMatchObject({
      message: expect.stringContaining(`has a file of 43 bytes where ${SIZE} are expected`),
    });
    expect(size).toBe(0);
    expect(requests).toHaveLength(1);
  });

  test('sends without end', async () => {
    const { url } = await serve((_, response) => {
      const piece = Buffer.alloc(64 * 1024);
      const pour = () => {
        while (!response.destroyed && response.write(piece));
        response.once('drain', pour);
      };
      pour();
    });
    const { error, size, seen } = await run([url]);
    expect(error).toMatchObject({ message: expect.stringContaining(`sends more than ${SIZE} bytes`) });
    expect(Math.max(...seen)).toBeLessThanOrEqual(SIZE);
    expect(size).toBe(0);
    const unsized = await run([url], { isSized: false, maxBytes: 100_000 });
    expect(unsized.error).toMatchObject({ message: expect.stringContaining('sends more than 100000 bytes') });
    expect(Math.max(...unsized.seen)).toBeLessThanOrEqual(100_000);
  });

  test('has a file too large for a size that is not known', async () => {
    const { url } = await serve(good);
    const { error } = await run([url], { isSized: false, maxBytes: 1000 });
    expect(error).toMatchObject({
      message: expect.stringContaining(`has a file of ${SIZE} bytes; at most 1000 are taken`),
    });
  });

  test('has other bytes', async () => {
    const other = randomFile(SIZE);
    const { url, requests } = await serve((request, response) => sendFile(request, response, other.bytes));
    const { error, size } = await run([url]);
    expect(error).toMatchObject({
      message: expect.stringContaining(`the sha256 ${other.sha256} where ${wantedFile.sha256} is expected`),
    });
    expect(size).toBe(0);
    expect(requests).toHaveLength(1);
  });

  test('goes on with another file than the one it began', async () => {
    const { url, requests } = await serve(good);
    const result = await run([url], { before: randomFile(1000).bytes });
    expect(result).toMatchObject({ ...isRight, troubles: ['the parts do not fit together; starting again'] });
    expect(requests.map(startOf)).toEqual([1000, undefined]);
  });

  test('goes on somewhere else than asked', async () => {
    const answer: RequestListener = (_, response) =>
      response.writeHead(206, { 'content-range': `bytes 5-${SIZE - 1}/${SIZE}` }).end(wantedFile.bytes.subarray(5));
    const { url } = await serve(first(answer));
    expect(await run([url], { before: wantedFile.bytes.subarray(0, 9) })).toMatchObject(isRight);
  });

  test('has less than is there already', async () => {
    const { url } = await serve((request, response) => sendFile(request, response, wantedFile.bytes.subarray(0, 9)));
    const { error } = await run([url], { before: wantedFile.bytes.subarray(0, 20) });
    expect(error).toMatchObject({ message: expect.stringContaining('has a file of 9 bytes') });
  });

  test('more bytes than there can be are forgotten', async () => {
    const { url, requests } = await serve(good);
    expect(await run([url], { before: Buffer.alloc(SIZE + 1) })).toMatchObject(isRight);
    expect(requests.map(startOf)).toEqual([undefined]);
  });

  test('answers with a web page', async () => {
    const { url } = await serve((_, response) =>
      response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end('<h1>Please log in</h1>'),
    );
    const { error } = await run([url], { isSized: false });
    expect(error).toMatchObject({ message: expect.stringContaining('a web page instead of the file') });
  });

  test('sends in circles', async () => {
    const { url, requests } = await serve((_, response) => response.writeHead(301, { location: '/again' }).end());
    expect((await run([url])).error).toMatchObject({ message: expect.stringContaining('more than 5 times') });
    expect(requests).toHaveLength(6);
  });

  test.each(['ftp://127.0.0.1/model.onnx', 'file:///etc/passwd'])('sends to %s', async (location) => {
    const { url } = await serve((_, response) => response.writeHead(302, { location }).end());
    expect((await run([url])).error).toMatchObject({ message: expect.stringContaining('only https is followed') });
  });

  test('sends from https to http', async () => {
    const fetched = vi.fn(async () => new Response(null, { status: 302, headers: { location: 'http://plain.test/' } }));
    vi.stubGlobal('fetch', fetched);
    try {
      const { signal } = new AbortController();
      await expect(follow('https://safe.test/', {}, signal)).rejects.toThrow('sends to http://plain.test');
      expect(fetched).toHaveBeenCalledTimes(1);
    } finally {
      vi.unstubAllGlobals();
    }
  });
});

describe('a server in trouble', () => {
  test('falls silent', async () => {
    const listener = first((_, response) => {
      response.writeHead(200, { 'content-length': SIZE });
      response.write(wantedFile.bytes.subarray(0, 100_000));
    });
    const { url, requests } = await serve(listener);
    const result = await run([url], { stallMs: 150 });
    expect(result).toMatchObject(isRight);
    expect(result.troubles).toEqual([expect.stringContaining('sent nothing for 0.15 s')]);
    expect(requests.map(startOf)).toEqual([undefined, 100_000]);
  });

  test('never answers', async () => {
    const { url, requests } = await serve(() => {});
    const { error } = await run([url], { stallMs: 30 });
    expect(error).toMatchObject({ message: expect.stringContaining('sent nothing for 0.03 s') });
    expect(requests).toHaveLength(4);
  });

  test.each([500, 502, 503, 429, 408])('%d is tried again', async (status) => {
    const { url } = await serve(first((_, response) => response.writeHead(status).end('busy')));
    expect(await run([url])).toMatchObject(isRight);
  });

  test('500 for ever is given up', async () => {
    const { url, requests } = await serve((_, response) => response.writeHead(500).end());
    const { error } = await run([url]);
    expect(error).toMatchObject({ message: expect.stringContaining('answers 500 Internal Server Error') });
    expect(requests).toHaveLength(4);
  });

  test.each(['3600', new Date(Date.now() + 3_600_000).toUTCString()])('Retry-After: %s is too long', async (after) => {
    const { url, requests } = await serve((_, response) => response.writeHead(503, { 'retry-after': after }).end());
    const other = await serve(good);
    const result = await run([url, other.url]);
    expect(result).toMatchObject(isRight);
    expect(result.troubles).toEqual([expect.stringMatching(/answers 503 .*; trying 127\.0\.0\.1:\d+$/)]);
    expect(requests).toHaveLength(1);
  });

  test.each([404, 403, 410])('%d is not tried again, but the next address is', async (status) => {
    const { url, requests } = await serve((_, response) => response.writeHead(status).end());
    const other = await serve(good);
    expect(await run([url, other.url])).toMatchObject(isRight);
    expect(requests).toHaveLength(1);
  });

  test('the next address goes on where the last one broke', async () => {
    const { url } = await serve(
      first(
        (_, response) => cut(response, wantedFile.bytes, 200_000),
        (_, response) => response.writeHead(404).end(),
      ),
    );
    const other = await serve(good);
    expect(await run([url, other.url])).toMatchObject(isRight);
    expect(startOf(other.requests[0]!)).toBeGreaterThan(0);
  });

  test('nobody there is asked once, unless somebody was there before', async () => {
    const closed = await serve(good);
    closed.stop();
    expect(await run([closed.url])).toMatchObject({
      troubles: [],
      error: { message: expect.stringContaining('the connection was refused') },
    });
    const server = await serve((_, response) => {
      cut(response, wantedFile.bytes, 200_000);
      response.once('close', server.stop);
    });
    const { error, troubles } = await run([server.url]);
    expect(troubles.slice(1)).toEqual(
      Array(2).fill(expect.stringContaining('the connection was refused; trying again')),
    );
    expect(error).toMatchObject({ message: expect.stringContaining('the connection was refused') });
  });

  test('every address says why', async () => {
    const { url } = await serve((_, response) => response.writeHead(404).end());
    const { error } = await run([url, 'http://127.0.0.1:1/x', 'http://no-such-name.invalid/x']);
    expect(error!.message).toMatch(
      /^127\.0\.0\.1:\d+: answers 404 Not Found; 127\.0\.0\.1:1: .+; no-such-name\.invalid: its name .+$/,
    );
  });
});

test('stops when it is told to', async () => {
  const stop = new AbortController();
  const { url } = await serve((_, response) => {
    response.writeHead(200, { 'content-length': SIZE });
    response.write(wantedFile.bytes.subarray(0, 100), () => stop.abort());
  });
  expect((await run([url], { signal: stop.signal })).error).toMatchObject({ name: 'AbortError' });
  expect((await run([url], { signal: AbortSignal.abort() })).error).toMatchObject({ name: 'AbortError' });
});

test('a disk that is full is no matter of the server', async () => {
  const { url, requests } = await serve(good);
  const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC', syscall: 'write' });
  const file = await PartialFile.open(temporaryFolder(), wantedFile.sha256);
  vi.spyOn(file, 'append').mockRejectedValue(full);
  const options = { signal: new AbortController().signal, onProgress: () => {}, onTrouble: () => {} };
  const wanted = { sha256: wantedFile.sha256, bytes: SIZE, maxBytes: SIZE };
  await expect(download([url], file, wanted, options)).rejects.toBe(full);
  await file.release();
  expect(requests).toHaveLength(1);
});

test('hashOf() agrees with the file', async () => {
  const file = await PartialFile.open(temporaryFolder(), wantedFile.sha256);
  await file.append(wantedFile.bytes);
  expect(await file.sha256()).toBe(hashOf(wantedFile.bytes));
  await file.release();
});
