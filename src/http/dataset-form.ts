import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type { Request, Response } from 'express';
import multer, { MulterError } from 'multer';
import { AppError } from '../errors.ts';
import type { DataFile, DataSource } from '../evaluations/types.ts';
import { abandoned } from './abandoned.ts';
import { tooLarge } from './shared-bytes.ts';

export interface DatasetForm {
  readonly data: DataSource;
  /** What is no file: the model and the options. */
  readonly fields: Readonly<Record<string, string | string[]>>;
}

const FILES = ['ground_truth', 'images'] as const;
type FileField = (typeof FILES)[number];

const MAX_FIELDS = 50;
const MAX_FIELD_BYTES = 64 * 1024;

/**
 * Receives a form with the files `ground_truth` and `images`, an archive, straight into a folder.
 * @param maxBytes of both files together.
 * @throws AppError payload_too_large, invalid_request naming the field at fault, or aborted.
 */
export async function receiveDataset(
  req: Request,
  res: Response,
  folder: string,
  maxBytes: number,
): Promise<DatasetForm> {
  if (Number(req.headers['content-length'] ?? 0) > maxBytes) throw tooLarge(maxBytes);
  const files = new Map<FileField, DataFile>();
  const signal = abandoned(res);
  const received = { length: 0 };

  const receive = async (field: string, name: string, stream: Readable) => {
    if (!isFileField(field)) {
      throw new AppError('invalid_request', `a file came in the field ‘${field}’; ${FILES.join(' and ')} take files`);
    }
    if (files.has(field)) throw new AppError('invalid_request', `two files came in the field ‘${field}’; one is read`);
    const path = join(folder, field);
    files.set(field, { name: name || field, path });
    await save(stream, path, received, maxBytes);
  };

  await new Promise<void>((resolve, reject) => {
    signal.addEventListener('abort', () => reject(new AppError('aborted', 'the upload broke off')), { once: true });
    const upload = multer({
      storage: {
        _handleFile(_req, { fieldname, originalname, stream }, done) {
          signal.addEventListener('abort', () => stream.destroy(), { once: true });
          receive(fieldname, originalname, stream).then(
            () => done(null, {}),
            (error) => {
              // Multer reads a form to its end before it reports an error; one that is too large may have none.
              if (error instanceof AppError) reject(error);
              done(error);
            },
          );
        },
        _removeFile: (_req, _file, done) => done(null),
      },
      defParamCharset: 'utf8',
      limits: {
        fields: MAX_FIELDS,
        fieldSize: MAX_FIELD_BYTES,
        parts: MAX_FIELDS + FILES.length,
        fieldNestingDepth: 1,
      },
    }).any();
    upload(req, res, (error: unknown) => (error ? reject(toAppError(error)) : resolve()));
  });

  const [groundTruth, images] = FILES.map((field) => {
    const file = files.get(field);
    if (file) return file;
    throw new AppError('invalid_request', `there is no file in the field ‘${field}’`);
  }) as [DataFile, DataFile];
  return {
    data: { groundTruth, images: { ...images, kind: 'zip' } },
    fields: { ...(req.body as Record<string, string | string[]>) },
  };
}

function isFileField(field: string): field is FileField {
  return (FILES as readonly string[]).includes(field);
}

async function save(stream: Readable, path: string, received: { length: number }, limit: number): Promise<void> {
  const file = await open(path, 'wx');
  try {
    for await (const chunk of stream.iterator({ destroyOnReturn: false })) {
      received.length += (chunk as Uint8Array).length;
      if (received.length > limit) throw tooLarge(limit);
      await file.appendFile(chunk as Uint8Array);
    }
  } finally {
    await file.close();
  }
}

function toAppError(error: unknown): Error {
  if (error instanceof AppError) return error;
  // The disk's own faults are not the sender's.
  if (error instanceof Error && 'syscall' in error) return error;
  const message = error instanceof MulterError || error instanceof Error ? error.message : String(error);
  return new AppError('invalid_request', `the form cannot be read: ${message}`, { cause: error });
}
