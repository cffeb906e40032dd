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
  /** Of all files together. */
  readonly fileBytes: number;
  readonly files: number;
}

/** Every class of a model may come as a field of its own, or all of them in one. */
const MAX_FIELDS = 200;
const MAX_FIELD_BYTES = 64 * 1024;

/** Reads a multipart form into shared memory. @throws AppError payload_too_large or invalid_request. */
export async function readForm(req: Request, res: Response, limits: FormLimits): Promise<Form> {
  await new Promise<void>((resolve, reject) => {
    const upload = multer({
      // Multer reads a form to its end before it reports an error; one that is too large may have none.
      storage: sharedMemory(limits.fileBytes, reject),
      // What browsers and curl send.
      defParamCharset: 'utf8',
      limits: {
        files: limits.files,
        fields: MAX_FIELDS,
        fieldSize: MAX_FIELD_BYTES,
        fieldNestingDepth: 1,
        fieldArrayIndexLimit: MAX_FIELDS,
        parts: limits.files + MAX_FIELDS,
      },
    }).any();
    upload(req, res, (error: unknown) => (error ? reject(toAppError(error, limits)) : resolve()));
  });
  const files = (req.files as Express.Multer.File[] | undefined) ?? [];
  return {
    files: files.map((file) => ({ field: file.fieldname, name: file.originalname, bytes: file.buffer })),
    fields: { ...(req.body as Record<string, string | string[]>) },
  };
}

function sharedMemory(limit: number, onError: (error: unknown) => void): StorageEngine {
  const received = { length: 0 };
  return {
    _handleFile(_req, file, done) {
      collect(file.stream, limit, received).then(
        (bytes) => done(null, { buffer: bytes as Buffer, size: bytes.length }),
        (error: AppError) => {
          if (error.code === 'payload_too_large') onError(error);
          // A part that ends too early ends the form; only multer sees whether the client is still there.
          done(error.code === 'aborted' ? new AppError('invalid_request', 'a file of the form breaks off') : error);
        },
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
    case 'LIMIT_FILE_COUNT':
      return new AppError('payload_too_large', `more than ${limits.files} files in one request`);
    default:
      return new AppError('invalid_request', `the form cannot be read: ${error.message}`, { cause: error });
  }
}
