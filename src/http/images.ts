import type { Request, Response } from 'express';
import type { EncodedImage, Engine } from '../engine.ts';
import { AppError } from '../errors.ts';
import { type JsonBody, parseJsonBody } from '../json-body.ts';
import { fetchImage } from './fetch-image.ts';
import { readForm } from './multipart.ts';
import { collect, tooLarge } from './shared-bytes.ts';

export interface ImageLimits {
  readonly max_upload_bytes: number;
  readonly max_images: number;
  readonly allow_url_input: boolean;
}

export interface ImageRequest {
  readonly images: readonly EncodedImage[];
  /** Options from the query and the body; the body wins. */
  readonly fields: Readonly<Record<string, unknown>>;
}

/** JSON up to this size is parsed on the main thread, in well under a millisecond. */
const SMALL_JSON = 64 * 1024;
const IMAGE_FIELDS = ['image', 'images', 'image[]', 'images[]'];

/**
 * Reads the images and options of a request, whichever way they came: multipart form, raw picture or JSON.
 * @throws AppError for every way this can go wrong.
 */
export async function readImages(
  req: Request,
  res: Response,
  engine: Engine,
  limits: ImageLimits,
): Promise<ImageRequest> {
  const { max_upload_bytes: maxBytes, max_images: maxImages } = limits;
  if (Number(req.headers['content-length'] ?? 0) > maxBytes) throw tooLarge(maxBytes);
  const { images, fields } = await readBody(req, res, engine, limits);
  if (images.length === 0) throw new AppError('invalid_request', noImage);
  if (images.length > maxImages) {
    throw new AppError('payload_too_large', `${images.length} images in one request; at most ${maxImages} are taken`);
  }
  return { images, fields: { ...req.query, ...fields } };
}

const noImage =
  'no image: send a multipart form with a file in the field ‘image’, a picture as the body (Content-Type: image/jpeg, …), ' +
  'or JSON {"image": "<base64>"}';

async function readBody(req: Request, res: Response, engine: Engine, limits: ImageLimits): Promise<ImageRequest> {
  if (req.is('multipart/form-data')) return readMultipart(req, res, limits);
  const bytes = () => collect(req, limits.max_upload_bytes);
  if (req.is('image/*') || req.is('application/octet-stream')) {
    const image = await bytes();
    return { images: image.length > 0 ? [{ name: 'image', bytes: image }] : [], fields: {} };
  }
  if (req.is('json') || req.is('+json')) return readJson(await bytes(), engine, limits);
  if (!req.headers['content-type'] && !hasBody(req)) throw new AppError('invalid_request', noImage);
  const type = req.headers['content-type'] ?? 'none';
  throw new AppError('unsupported_media_type', `Content-Type ${type} is not read here: ${noImage}`);
}

function hasBody(req: Request): boolean {
  return req.headers['transfer-encoding'] !== undefined || Number(req.headers['content-length'] ?? 0) > 0;
}

async function readMultipart(req: Request, res: Response, limits: ImageLimits): Promise<ImageRequest> {
  const form = await readForm(req, res, { fileBytes: limits.max_upload_bytes, files: limits.max_images });
  const stray = form.files.find((file) => !IMAGE_FIELDS.includes(file.field));
  if (stray) {
    throw new AppError(
      'invalid_request',
      `a file came in the field ‘${stray.field}’; images go into the field ‘image’`,
    );
  }
  const text = IMAGE_FIELDS.find((field) => field in form.fields);
  if (text) {
    throw new AppError(
      'invalid_request',
      `the field ‘${text}’ holds text; send the picture as a file, with a file name`,
    );
  }
  return { images: form.files.map(({ name, bytes }) => ({ name, bytes })), fields: form.fields };
}

async function readJson(body: Uint8Array, engine: Engine, limits: ImageLimits): Promise<ImageRequest> {
  const parsed = body.length > SMALL_JSON ? engine.parseJson(body) : parseJsonBody(body, limits.max_images);
  const { images, fields }: JsonBody = await parsed;
  const named = images.map(async (image, i) => {
    const name = images.length === 1 ? 'image' : `image-${i}`;
    if ('bytes' in image) return { name, bytes: image.bytes };
    if (!limits.allow_url_input) {
      throw new AppError(
        'forbidden',
        'image URLs are not fetched by this server (ALLOW_URL_INPUT=true switches it on)',
      );
    }
    return fetchImage(image.url, limits.max_upload_bytes);
  });
  return { images: await Promise.all(named), fields };
}
