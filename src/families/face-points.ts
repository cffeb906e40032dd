import type { Keypoints } from '../vision/types.ts';

/** The five points of WIDER FACE's labels; sides are those of the face, not of the picture. */
export const FACE_POINTS = ['right_eye', 'left_eye', 'nose_tip', 'right_mouth_corner', 'left_mouth_corner'];

/**
 * The five points of each face.
 * @param sources the decoder's index of each face.
 * @param at number k of a face's ten, x and y of each point, in model-input pixels.
 */
export function readFacePoints(sources: Int32Array, at: (source: number, k: number) => number): Keypoints {
  const points = new Float32Array(sources.length * FACE_POINTS.length * 3);
  let to = 0;
  for (const source of sources) {
    for (let k = 0; k < FACE_POINTS.length; k++, to += 3) {
      const [x, y] = [Math.fround(at(source, 2 * k)), Math.fround(at(source, 2 * k + 1))];
      // A point that is nowhere stays at the origin, unseen.
      if (Number.isFinite(x) && Number.isFinite(y)) points.set([x, y, 1], to);
    }
  }
  return { names: FACE_POINTS, points };
}
