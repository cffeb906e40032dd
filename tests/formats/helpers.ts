import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect } from 'vitest';
import { AppError } from '../../src/errors.ts';
import type { Annotation, Dataset, SourceFile } from '../../src/formats/dataset.ts';
import { rleFromCounts } from '../../src/vision/rle.ts';

export function fileOf(name: string, content: string | Uint8Array | object): SourceFile {
  if (content instanceof Uint8Array) return { name, bytes: content };
  return { name, bytes: Buffer.from(typeof content === 'string' ? content : JSON.stringify(content)) };
}

export function readFolder(folder: string, prefix = ''): SourceFile[] {
  return readdirSync(folder)
    .sort()
    .map((name) => ({ name: `${prefix}${name}`, bytes: readFileSync(join(folder, name)) }));
}

export function textOf(file: SourceFile | undefined): string {
  return Buffer.from(file!.bytes).toString();
}

/** Runs `read`, which must succeed or refuse with an AppError that says something. */
export function orRefusal<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    expect(error.message.length).toBeLessThan(2000);
    return undefined;
  }
}

const KEYPOINTS = 2;

/** Data sets with boxes, polygons, masks and poses in up to three images of 30×20. */
export const datasets: fc.Arbitrary<Dataset> = fc
  .record({
    images: fc.integer({ min: 1, max: 3 }),
    categories: fc.integer({ min: 1, max: 3 }),
    marks: fc.array(
      fc.record({
        image: fc.nat(2),
        category: fc.nat(2),
        kind: fc.constantFrom('box', 'polygons', 'mask', 'pose'),
        x: fc.integer({ min: 0, max: 20 }),
        y: fc.integer({ min: 0, max: 10 }),
        width: fc.integer({ min: 1, max: 10 }),
        height: fc.integer({ min: 1, max: 10 }),
        flag: fc.constantFrom('', 'crowd', 'difficult'),
        score: fc.option(fc.integer({ min: 0, max: 1000 }), { nil: undefined }),
      }),
      { maxLength: 8 },
    ),
  })
  .map(({ images, categories, marks }) => ({
    images: Array.from({ length: images }, (_, i) => ({ id: i + 1, name: `img-${i}.png`, width: 30, height: 20 })),
    categories: Array.from({ length: categories }, (_, i) => ({ id: i + 1, name: `class ${i} & <co>` })),
    annotations: marks
      .map((mark) => ({ ...mark, image: mark.image % images, category: mark.category % categories }))
      .sort((a, b) => a.image - b.image)
      .map(({ image, category, kind, x, y, width, height, flag, score }, i): Annotation => {
        const ring = [x, y, x + width, y, x + width, y + height, x, y + height];
        const column = rleFromCounts([20 * x + y, height, 600 - 20 * x - y - height], 30, 20);
        return {
          id: i + 1,
          imageId: image + 1,
          categoryId: category + 1,
          box: kind === 'mask' ? [x, y, 1, height] : [x, y, width, height],
          ...(kind === 'polygons' && { segmentation: [ring] }),
          ...(kind === 'mask' && { segmentation: column }),
          ...(kind === 'pose' && { keypoints: Array.from({ length: KEYPOINTS }, () => [x, y, 2]).flat() }),
          ...(flag === 'crowd' && { crowd: true }),
          ...(flag === 'difficult' && { difficult: true }),
          ...(score !== undefined && { score: score / 1000 }),
        };
      }),
    warnings: [],
  }));
