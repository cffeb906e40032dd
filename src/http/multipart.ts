import type { Request, Response } from 'express';
import multer, { MulterError, type StorageEngine } from 'multer';
import { AppError } from '../errors.ts';
import { collect } from './shared-bytes.ts';

export interface UploadedFile {
  readonly field: string;
  readonly name: string;
  readonly bytes: Uint8Array;
}

export interface Form {
  readonly files: readonly UploadedFile[];
  readonly fields: Readonly<Record<string, string | string[]>>;
}

export interface FormLimits {
  readonly fileBytes: number;
  readonly files: number;
}

/** Reads a multipart form into shared memory. @throws AppError payload_too_large or invalid_request. */
export async function readForm(req: Request, res: Response, limits: FormLimits): Promise<Form> {
  const upload = multer({
    storage: sharedMemory(limits.fileBytes),
    limits: {
      fileSize: limits.fileBytes,
      files: limits.files,
      fields: 50,
      fieldSize: 2 ** 20,
      parts: limits.files + 50,
    },
  }).any();
  await new Promise<void>((resolve, reject) => {
    upload(req, res, (error: unknown) => (error ? reject(toAppError(error, limits)) : resolve()));
  });
  const files = (req.files as Express.Multer.File[] | undefined) ?? [];
  return {
    files: files.map((file) => ({ field: file.fieldname, name: file.originalname, bytes: file.buffer })),
    fields: { ...(req.body as Record<string, string | string[]>) },
  };
}

function sharedMemory(limit: number): StorageEngine {
  return {
    _handleFile(_req, file, done) {
      collect(file.stream, limit).then(
        (bytes) => done(null, { buffer: bytes as Buffer, size: bytes.length }),
        (error: unknown) => done(error),
      );
    },
    _removeFile(_req, _file, done) {
      done(null);
    },
  };
}

function toAppError(error: unknown, limits: FormLimits): AppError {
  if (error instanceof AppError) return error;
  if (!(error instanceof MulterError)) {
    return new AppError('invalid_request', `the form cannot be read: ${(error as Error).message}`, { cause: error });
  }
  switch (error.code) {
    case 'LIMIT_FILE_SIZE':
      return new AppError('payload_too_large', `a file is larger than ${(limits.fileBytes / 2 ** 20).toFixed(1)} MiB`);
    case 'LIMIT_FILE_COUNT':
      return new AppError('payload_too_large', `more than ${limits.files} files in one request`);
    default:
      return new AppError('invalid_request', `the form cannot be read: ${error.message}`, { cause: error });
  }
}
