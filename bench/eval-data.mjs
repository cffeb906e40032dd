// Data sets for bench/eval.mjs, made by numbers alone: the same on every machine.
import { rleFromPolygon, rleToString } from '../dist/eval/index.js';

/** The shapes of a COCO validation set of boxes, a dense set of masks, and one of poses. */
export const SHAPES = {
  bbox: { images: 5000, categories: 80, truths: 37_024, detections: 81_485 },
  segm: { images: 500, categories: 80, truths: 3763, detections: 25_037 },
  keypoints: { images: 2000, categories: 1, truths: 14_249, detections: 39_347 },
};

const SIZES = [
  [640, 480],
  [640, 427],
  [480, 640],
  [500, 375],
  [612, 612],
];
const KEYPOINTS = 17;
const CROWDS = 0.012;

/** Ground truth and results of `iouType`, as COCO's JSON has them. */
export function generate(iouType, shape = SHAPES[iouType]) {
  const random = uniform(shape.detections);
  const images = Array.from({ length: shape.images }, (_, i) => {
    const [width, height] = SIZES[Math.floor(random() * SIZES.length)];
    // Few images are crowded, and an image shows few kinds of things.
    const kinds = Array.from({ length: 1 + Math.floor(4 * random() ** 2) }, () => rare(random, shape.categories));
    return { id: 3 * i + 1, width, height, file_name: `${i}.jpg`, crowdedness: random() ** 3, kinds };
  });
  const pick = picker(images, random);
  const truths = Array.from({ length: shape.truths }, (_, i) => {
    const image = pick();
    const box = randomBox(image, random);
    const crowd = Number(random() < CROWDS);
    return { id: i + 1, image, category: oneOf(image.kinds, random), box, crowd, outline: outline(random) };
  });
  const detections = Array.from({ length: shape.detections }, () => {
    const isNear = random() < 0.55;
    const truth = oneOf(truths, random);
    const image = isNear ? truth.image : pick();
    const box = isNear ? jitter(truth.box, random) : randomBox(image, random);
    const isRight = isNear && random() < 0.9;
    const category = isRight ? truth.category : oneOf(image.kinds, random);
    const score = round(isNear ? 0.2 + 0.8 * random() : random() ** 2, 3);
    return { image, category, box, score, outline: isNear ? truth.outline : outline(random) };
  });
  const write = writers[iouType];
  return {
    groundTruth: {
      images: images.map(({ id, width, height, file_name }) => ({ id, width, height, file_name })),
      categories: Array.from({ length: shape.categories }, (_, i) => ({ id: i + 1, name: `class ${i + 1}` })),
      annotations: truths.map(({ id, image, category, crowd, box, outline }) => ({
        id,
        image_id: image.id,
        category_id: category,
        iscrowd: crowd,
        bbox: box.map((value) => round(value, 2)),
        area: round(0.7 * box[2] * box[3], 3),
        ...write.truth({ image, box, outline, crowd }, random),
      })),
    },
    results: detections.map(({ image, category, box, score, outline }) => ({
      image_id: image.id,
      category_id: category,
      score,
      ...write.detection({ image, box, outline }, random),
    })),
  };
}

const writers = {
  bbox: {
    truth: () => ({}),
    detection: ({ box }) => ({ bbox: box.map((value) => round(value, 3)) }),
  },
  segm: {
    truth: ({ image, box, outline, crowd }) => ({
      segmentation: crowd ? toRle(image, box, outline) : [polygon(box, outline)],
    }),
    detection: ({ image, box, outline }) => ({ segmentation: toRle(image, box, outline) }),
  },
  keypoints: {
    truth: ({ box }, random) => {
      const visibility = Array.from({ length: KEYPOINTS }, () => (random() < 0.25 ? 0 : random() < 0.2 ? 1 : 2));
      const keypoints = pose(box, random).flatMap(([x, y], i) =>
        visibility[i] ? [Math.round(x), Math.round(y), visibility[i]] : [0, 0, 0],
      );
      return { keypoints, num_keypoints: visibility.filter(Boolean).length };
    },
    detection: ({ box }, random) => ({
      keypoints: pose(box, random).flatMap(([x, y]) => [round(x, 2), round(y, 2), 1]),
    }),
  },
};

/** Points of a body are where they are in every body, give or take. */
function pose([x, y, width, height], random) {
  return Array.from({ length: KEYPOINTS }, (_, i) => [
    x + width * (((7 * i) % KEYPOINTS) / KEYPOINTS + 0.03 * random()),
    y + height * (i / KEYPOINTS + 0.03 * random()),
  ]);
}

/** Distances from the middle at even angles, as parts of the box's half sides. */
function outline(random) {
  const points = 8 + Math.floor(20 * random());
  return Array.from({ length: points }, () => 0.6 + 0.4 * random());
}

function polygon([x, y, width, height], outline) {
  return outline.flatMap((distance, i) => {
    const angle = (2 * Math.PI * i) / outline.length;
    return [
      round(x + (width / 2) * (1 + distance * Math.cos(angle)), 2),
      round(y + (height / 2) * (1 + distance * Math.sin(angle)), 2),
    ];
  });
}

function toRle({ width, height }, box, outline) {
  const rle = rleFromPolygon(polygon(box, outline), width, height);
  return { size: [height, width], counts: rleToString(rle) };
}

/** Sides from 6 pixels to most of the image, small ones more often. */
function randomBox(image, random) {
  const side = (length) => 6 * (length / 8) ** (random() ** 1.3);
  const [width, height] = [side(image.width), side(image.height)];
  return [random() * (image.width - width), random() * (image.height - height), width, height];
}

/** Most detections are close, some are not. */
function jitter([x, y, width, height], random) {
  const far = 0.4 * random() ** 2;
  const shift = () => far * (random() - 0.5);
  return [x + width * shift(), y + height * shift(), width * (1 + shift()), height * (1 + shift())];
}

/** Images in proportion to how crowded they are. */
function picker(images, random) {
  const sums = new Float64Array(images.length);
  let sum = 0;
  images.forEach(({ crowdedness }, i) => {
    sum += crowdedness;
    sums[i] = sum;
  });
  return () => {
    const wanted = random() * sum;
    let [low, high] = [0, images.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sums[middle] > wanted) high = middle;
      else low = middle + 1;
    }
    return images[low];
  };
}

/** 1 to n, low numbers far more often. */
function rare(random, n) {
  return 1 + Math.floor(n * random() ** 2.2);
}

function oneOf(list, random) {
  return list[Math.floor(random() * list.length)];
}

function round(value, digits) {
  return Number(value.toFixed(digits));
}

/** Uniform numbers in [0, 1): a Weyl sequence hashed by the finaliser of MurmurHash3. */
function uniform(seed) {
  let state = seed | 0;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let h = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
    return ((h ^ (h >>> 16)) >>> 0) / 2 ** 32;
  };
}
