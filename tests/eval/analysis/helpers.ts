import { loadCoco } from '../../../src/eval/coco/load.ts';
import type { CocoData } from '../../../src/eval/coco/types.ts';
import { groundTruth, result, truth } from '../coco/helpers.ts';

/** Uniform numbers in [0, 1) from a linear congruential generator. */
export function uniform(seed: number): () => number {
  let state = (seed * 2654435761 + 1) >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Three images and classes, some crowds, and detections near, beside and far from the truths; scores may be equal. */
export function randomData(seed: number, detectionSeed = seed): CocoData {
  const random = uniform(seed);
  const box = (next: () => number) => [50 * next(), 50 * next(), 10 + 30 * next(), 10 + 30 * next()];
  const pick = (next: () => number) => 1 + Math.floor(3 * next());
  const truths = Array.from({ length: 24 }, (_, i) =>
    truth(i + 1, box(random), {
      image_id: pick(random),
      category_id: pick(random),
      iscrowd: Number(random() < 0.1),
    }),
  );
  const next = uniform(detectionSeed + 1000);
  const results = truths.flatMap((object) =>
    Array.from({ length: Math.floor(4 * next()) }, () => {
      const near = object.bbox.map((value) => value + 8 * (next() - 0.5));
      return result(Math.round(20 * next()) / 20, next() < 0.2 ? box(next) : near, {
        image_id: object.image_id,
        category_id: next() < 0.2 ? pick(next) : object.category_id,
      });
    }),
  );
  return loadCoco(groundTruth(truths), results);
}
