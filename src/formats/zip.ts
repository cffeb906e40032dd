import { crc32 } from 'node:zlib';
import { type Entry, fromBufferPromise, openPromise, type ZipFile } from 'yauzl';
import { AppError, messageOf } from '../errors.ts';
import type { SourceFile } from './dataset.ts';
import { fail } from './fail.ts';
import { view } from './json.ts';
import { baseName, quote } from './names.ts';

export interface ZipOptions {
  /** Most entries of an archive, folders included. Default 200,000: a large data set has a label file for each image. */
  readonly maxEntries?: number;
  /** Most bytes of all files together, unpacked. Default 1 GiB. */
  readonly maxBytes?: number;
  /** Most bytes unpacked from one byte, of entries of more than a mebibyte. Default 200; labels reach about 20. */
  readonly maxRatio?: number;
  /** Which files to unpack; others cost nothing. Default: all. */
  readonly keep?: (name: string) => boolean;
}

const MAX_UNPACKED = 2 ** 30;
const [FILE_TYPE, SYMBOLIC_LINK, REGULAR_FILE, FOLDER] = [0o170000, 0o120000, 0o100000, 0o040000];
/** Below this, no ratio makes an entry large. */
const SMALL = 2 ** 20;
const ARCHIVE_NAME = /\.(?:zip|tar|tgz|gz|bz2|xz|7z|rar|zst)$/i;

/** Whether the bytes start like a zip archive, which may be empty. */
export function isZip(bytes: Uint8Array): boolean {
  const [p, k, three, four] = bytes;
  return p === 0x50 && k === 0x4b && ((three === 3 && four === 4) || (three === 5 && four === 6));
}

/** One file of an archive. */
export interface ZippedFile {
  readonly name: string;
  /** Unpacked. */
  readonly size: number;
  /** Unpacks it. Call it before the next file is asked for. */
  readonly read: () => Promise<Uint8Array>;
}

/**
 * Unpacks a zip archive into memory, never to disk. What macOS adds (`__MACOSX/`, `.DS_Store`) is passed over.
 * @throws AppError payload_too_large beyond a limit; invalid_request for archives that are damaged or encrypted or hold
 *   other archives, links, two files of one name, or names that lead out of a folder.
 */
export async function readZip(file: SourceFile, options: ZipOptions = {}): Promise<SourceFile[]> {
  const files: SourceFile[] = [];
  for await (const { name, read } of zippedFiles(file.bytes, file.name, options)) {
    files.push({ name, bytes: await read() });
  }
  return files;
}

/**
 * The files of a zip archive, one at a time. A file that is not read costs nothing.
 * @param archive its bytes, or its path: on disk it may be larger than memory.
 * @param name what messages call the archive.
 * @throws AppError as `readZip` does, when the files at fault are reached.
 */
export async function* zippedFiles(
  archive: string | Uint8Array,
  name: string,
  options: ZipOptions = {},
): AsyncGenerator<ZippedFile> {
  const strictly = { strictFileNames: true, autoClose: false };
  const zip = await complaining(name, () =>
    typeof archive === 'string' ? openPromise(archive, strictly) : fromBufferPromise(view(archive), strictly),
  );
  try {
    yield* filesOf(zip, name, options);
  } finally {
    zip.close();
  }
}

async function* filesOf(zip: ZipFile, archive: string, options: ZipOptions): AsyncGenerator<ZippedFile> {
  const { maxEntries = 200_000, maxBytes = MAX_UNPACKED, keep = () => true } = options;
  // No more entries than this are read, whatever else lies in the archive.
  if (zip.entryCount > maxEntries) throw tooLarge(`${archive} has more than ${maxEntries} entries`);
  const seen = new Set<string>();
  let total = 0;
  const entries = zip.eachEntry();
  for (;;) {
    const { value: entry } = await complaining(archive, () => entries.next());
    if (!entry) return;
    const where = `${archive}: the entry ${quote(entry.fileName)}`;
    if (seen.has(entry.fileName)) fail(`${where} is there twice`);
    seen.add(entry.fileName);
    checkEntry(entry, where, options);
    const isFolder = entry.fileName.endsWith('/');
    if (isFolder || isClutter(entry.fileName) || !keep(entry.fileName)) continue;
    total += entry.uncompressedSize;
    if (total > maxBytes) throw tooLarge(`the files in ${archive} are more than ${maxBytes} bytes, unpacked`);
    const read = () => complaining(archive, () => unpackEntry(zip, entry, where));
    yield { name: entry.fileName, size: entry.uncompressedSize, read };
  }
}

/** Unpacks an archive; any other file is its own and only content. @throws AppError as `readZip` does. */
export async function unpack(file: SourceFile, options: ZipOptions = {}): Promise<readonly SourceFile[]> {
  return isZip(file.bytes) ? readZip(file, options) : [file];
}

/** The files, with those in archives in the place of the archives, which share one limit. @throws AppError as `readZip` does. */
export async function unpackAll(files: readonly SourceFile[], options: ZipOptions = {}): Promise<SourceFile[]> {
  let { maxBytes = MAX_UNPACKED } = options;
  const unpacked: SourceFile[] = [];
  for (const file of files) {
    for (const inside of await unpack(file, { ...options, maxBytes })) {
      unpacked.push(inside);
      if (inside !== file) maxBytes -= inside.bytes.length;
    }
  }
  return unpacked;
}

function checkEntry(entry: Entry, where: string, { maxRatio = 200 }: ZipOptions): void {
  const type = (entry.externalFileAttributes >>> 16) & FILE_TYPE;
  if (type === SYMBOLIC_LINK) fail(`${where} is a symbolic link`);
  if (type !== 0 && type !== REGULAR_FILE && type !== FOLDER) fail(`${where} is neither a file nor a folder`);
  if (/\p{Cc}/u.test(entry.fileName)) fail(`${where} has a control character in its name`);
  if (entry.isEncrypted()) fail(`${where} is encrypted; send an archive without a password`);
  if (!entry.canDecodeFileData()) {
    fail(`${where} is compressed by method ${entry.compressionMethod}; only stored and deflated files are read`);
  }
  if (ARCHIVE_NAME.test(entry.fileName)) fail(`${where} is an archive itself; send its files`);
  const { compressedSize, uncompressedSize } = entry;
  if (uncompressedSize > SMALL && uncompressedSize > maxRatio * compressedSize) {
    throw tooLarge(`${where} would grow from ${compressedSize} to ${uncompressedSize} bytes`);
  }
}

/** yauzl fails where the bytes turn out to be more or fewer than the entry says, so that the limits above hold. */
async function unpackEntry(zip: ZipFile, entry: Entry, where: string): Promise<Uint8Array> {
  const bytes = new Uint8Array(entry.uncompressedSize);
  let length = 0;
  for await (const chunk of await zip.openReadStreamPromise(entry)) {
    bytes.set(chunk as Uint8Array, length);
    length += (chunk as Uint8Array).length;
  }
  if (crc32(bytes) !== entry.crc32) fail(`${where} is damaged: its checksum does not fit`);
  if (isZip(bytes)) fail(`${where} is an archive itself; send its files`);
  return bytes;
}

function isClutter(name: string): boolean {
  return name.startsWith('__MACOSX/') || baseName(name) === '.DS_Store';
}

async function complaining<T>(name: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof AppError) throw error;
    return fail(`${name} is not a zip archive that can be read: ${messageOf(error)}`, error);
  }
}

function tooLarge(message: string): AppError {
  return new AppError('payload_too_large', message);
}
