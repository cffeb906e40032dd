import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { AppError } from '../../src/errors.ts';
import { isZip, readZip, unpack, type ZipOptions, zippedFiles } from '../../src/formats/zip.ts';
import { scratchFolder } from '../helpers/graphs.ts';
import { textOf } from './helpers.ts';
import { type ZipEntry, zipOf } from './zip-writer.ts';

const read = (entries: ZipEntry[], options?: ZipOptions) => readZip({ name: 'a.zip', bytes: zipOf(entries) }, options);

describe('zip archives', () => {
  it('give their files in order, without folders and what macOS adds', async () => {
    const files = await read([
      { name: 'b/', mode: 0o040755, method: 0 },
      { name: 'b/ü.txt', content: 'one' },
      { name: 'a.txt', content: 'two', method: 0, mode: 0 },
      { name: '__MACOSX/a.txt', content: 'x' },
      { name: 'b/.DS_Store', content: 'x' },
    ]);
    expect(files.map((file) => [file.name, textOf(file)])).toEqual([
      ['b/ü.txt', 'one'],
      ['a.txt', 'two'],
    ]);
  });

  it('may be empty, lie in shared memory and at an offset', async () => {
    const bytes = zipOf([{ name: 'a', content: 'text' }]);
    const shared = new Uint8Array(new SharedArrayBuffer(bytes.length + 7), 7);
    shared.set(bytes);
    expect(textOf((await readZip({ name: 'a', bytes: shared }))[0])).toBe('text');
    expect(await read([])).toEqual([]);
    expect(isZip(zipOf([]))).toBe(true);
  });

  it('are unpacked only where they are archives', async () => {
    const plain = { name: 'a.json', bytes: Buffer.from('[]') };
    expect(await unpack(plain)).toEqual([plain]);
    expect(await unpack({ name: 'a', bytes: zipOf([{ name: 'b' }]) })).toEqual([
      { name: 'b', bytes: new Uint8Array(0) },
    ]);
  });

  it('are not inflated where nobody asked', async () => {
    const entries = [{ name: 'a.jpg', content: 'x', crc: 5 }, { name: 'a.txt' }];
    const files = await read(entries, { keep: (name) => name.endsWith('.txt') });
    expect(files.map(({ name }) => name)).toEqual(['a.txt']);
    await expect(read(entries)).rejects.toThrow('is damaged: its checksum does not fit');
  });

  it.each<[string, ZipEntry, string]>([
    ['a way up', { name: '../a' }, 'invalid relative path'],
    ['a way up in the middle', { name: 'a/../../b' }, 'invalid relative path'],
    ['an absolute name', { name: '/etc/passwd' }, 'absolute path'],
    ['a drive', { name: 'C:/a' }, 'absolute path'],
    ['a backslash', { name: 'a\\b' }, 'invalid characters in fileName'],
    ['a NUL', { name: 'a\0.txt' }, 'has a control character in its name'],
    ['a link', { name: 'a', content: '/etc/passwd', mode: 0o120777 }, 'is a symbolic link'],
    ['a device', { name: 'a', mode: 0o060600 }, 'neither a file nor a folder'],
    ['encryption', { name: 'a', flags: 1 }, 'is encrypted'],
    ['strong encryption', { name: 'a', flags: 0x41 }, 'strong encryption'],
    ['another method', { name: 'a', method: 12 }, 'compressed by method 12'],
    ['an archive by its name', { name: 'a.tar.gz' }, 'is an archive itself'],
    ['an archive by its content', { name: 'a.txt', content: zipOf([]) }, 'is an archive itself'],
    ['fewer bytes than said', { name: 'a', content: 'x'.repeat(9), size: 10 }, 'not enough bytes'],
    ['more bytes than said', { name: 'a', content: 'x'.repeat(9), size: 5 }, 'too many bytes'],
    ['a wrong checksum', { name: 'a', content: 'x', crc: 1 }, 'is damaged'],
  ])('with %s are refused', async (_, entry, message) => {
    const refused = read([entry]);
    await expect(refused).rejects.toThrow(AppError);
    await expect(refused).rejects.toThrow(message);
    await expect(refused).rejects.toMatchObject({ status: 400 });
  });

  it('with two files of one name are refused', async () => {
    await expect(read([{ name: 'a' }, { name: 'a' }])).rejects.toThrow('‘a’ is there twice');
  });

  it('are held to their limits', async () => {
    const bomb = { name: 'a', content: new Uint8Array(2 ** 21) };
    const tooLarge = { status: 413 };
    await expect(read([bomb])).rejects.toMatchObject({
      ...tooLarge,
      message: expect.stringContaining('would grow from'),
    });
    await expect(read([bomb], { maxRatio: 2000 })).resolves.toHaveLength(1);
    const three = ['a', 'b', 'c'].map((name) => ({ name, content: '12345678' }));
    await expect(read(three, { maxEntries: 2 })).rejects.toMatchObject(tooLarge);
    await expect(read(three, { maxBytes: 23 })).rejects.toMatchObject(tooLarge);
    await expect(read(three, { maxEntries: 3, maxBytes: 24 })).resolves.toHaveLength(3);
    // A lie about the size is found out before anything is kept.
    await expect(read([{ ...bomb, size: 4 }])).rejects.toThrow('too many bytes');
  });

  it('are refused or read, whatever their bytes', async () => {
    const bytes = zipOf([
      { name: 'a', content: 'text' },
      { name: 'b/c', content: 'x'.repeat(500) },
    ]);
    const changes = fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 });
    const damaged = fc.tuple(changes, fc.nat(bytes.length)).map(([edits, end]) => {
      const copy = Uint8Array.from(bytes);
      for (const [at, value] of edits) copy[at] = value;
      return end % 3 ? copy : copy.subarray(0, end);
    });
    await fc.assert(
      fc.asyncProperty(fc.oneof(damaged, fc.uint8Array()), async (content) => {
        const result = await readZip({ name: 'x', bytes: content }).catch((error) => error);
        expect(Array.isArray(result) || result instanceof AppError).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('archives on disk', () => {
  const folder = scratchFolder();
  afterAll(folder.remove);
  const path = join(folder.path, 'x.zip');
  const collect = async (options?: Parameters<typeof zippedFiles>[2]) => {
    const files: Record<string, string> = {};
    for await (const { name, size, read } of zippedFiles(path, 'x.zip', options)) {
      const bytes = await read();
      expect(bytes.length).toBe(size);
      files[name] = Buffer.from(bytes).toString();
    }
    return files;
  };

  it('are read one file at a time, and only what is asked for', async () => {
    writeFileSync(
      path,
      zipOf([
        { name: 'a', content: 'one' },
        { name: 'f/' },
        { name: 'f/b', content: 'two', method: 0 },
        { name: '.DS_Store' },
      ]),
    );
    expect(await collect()).toEqual({ a: 'one', 'f/b': 'two' });
    expect(await collect({ keep: (name) => name !== 'a' })).toEqual({ 'f/b': 'two' });
  });

  it('are held to the same rules', async () => {
    writeFileSync(
      path,
      zipOf([
        { name: 'a', content: 'x' },
        { name: '../b', content: 'x' },
      ]),
    );
    await expect(collect()).rejects.toMatchObject({ status: 400 });
    writeFileSync(path, zipOf([{ name: 'a', content: 'x'.repeat(9), size: 5 }]));
    await expect(collect()).rejects.toThrow('too many bytes');
    writeFileSync(path, 'not an archive');
    await expect(collect()).rejects.toMatchObject({ status: 400, message: expect.stringContaining('x.zip') });
    writeFileSync(
      path,
      zipOf([
        { name: 'a', content: '12345' },
        { name: 'b', content: '12345' },
      ]),
    );
    await expect(collect({ maxBytes: 9 })).rejects.toMatchObject({ status: 413 });
  });
});
