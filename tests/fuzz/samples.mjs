// Small valid inputs of every kind, to be damaged.
import { crc32, deflateRawSync, deflateSync } from 'node:zlib';
import sharp from 'sharp';
import { writeDataset } from '../../dist/formats/convert.js';
import { FORMATS } from '../../dist/formats/format.js';
import { encodeModel } from '../../dist/onnx/encode.js';
import { model, node, tensor, value } from '../../dist/onnx/model.js';
import { rleFromPolygon } from '../../dist/vision/rle-polygon.js';
import { rleToString } from '../../dist/vision/rle-string.js';

const [WIDTH, HEIGHT] = [30, 20];

const ring = (x, y, w, h) => [x, y, x + w, y, x + w, y + h, x, y + h];
const mask = rleFromPolygon(ring(3, 2, 9, 8), WIDTH, HEIGHT);

const dataset = {
  images: [1, 2].map((id) => ({ id, name: `img-${id}.png`, width: WIDTH, height: HEIGHT })),
  categories: ['cat', 'a & <b>'].map((name, i) => ({
    id: i + 1,
    name,
    isThing: i === 0,
    keypoints: ['a', 'b'],
    skeleton: [[1, 2]],
  })),
  annotations: [
    { id: 1, imageId: 1, categoryId: 1, box: [2, 3, 10, 8], score: 0.9 },
    { id: 2, imageId: 1, categoryId: 2, box: [5, 5, 9, 9], segmentation: [ring(5, 5, 9, 9)], score: 0.8 },
    { id: 3, imageId: 2, categoryId: 1, box: [3, 2, 9, 8], segmentation: mask, crowd: true, score: 0.3 },
    { id: 4, imageId: 2, categoryId: 2, box: [1, 1, 6, 6], keypoints: [2, 2, 2, 5, 5, 1], difficult: true, score: 0.5 },
  ],
  warnings: [],
};

/** The files of one data set in every format. */
export const dataFiles = {
  ...Object.fromEntries(
    FORMATS.filter((format) => format !== 'voc-results').map((format) => [
      format,
      writeDataset(dataset, format).files.map(({ name, bytes }) => ({ name, bytes: Buffer.from(bytes) })),
    ]),
  ),
  'voc-results': [file('comp3_det_test_cat.txt', 'img-1 0.9 3 4 12 11\nimg-2 0.25 1.5 2 9 9\n')],
};
export const reference = { images: dataset.images, categories: dataset.categories };

const rle = { size: [HEIGHT, WIDTH], counts: rleToString(mask) };
/** COCO JSON that can be scored by boxes, masks, boundaries and keypoints alike. */
export const coco = {
  groundTruth: {
    images: dataset.images.map(({ id, name, width, height }) => ({ id, file_name: name, width, height })),
    categories: dataset.categories.map(({ id, name }) => ({ id, name })),
    annotations: [1, 2, 3].map((id) => ({
      id,
      image_id: 1 + (id % 2),
      category_id: 1 + (id % 2),
      bbox: [id, 2, 9, 8],
      area: 72,
      iscrowd: Number(id === 3),
      segmentation: id === 1 ? [ring(id, 2, 9, 8)] : rle,
      keypoints: Array.from({ length: 17 }, (_, i) => [i, i, i % 3]).flat(),
      num_keypoints: 11,
    })),
  },
  results: [0.9, 0.4, 0.4, 0.1].map((score, i) => ({
    image_id: 1 + (i % 2),
    category_id: 1 + (i % 2),
    bbox: [i, 2, 9, 8],
    score,
    segmentation: rle,
    keypoints: Array.from({ length: 17 }, (_, k) => [k + i, k, 1]).flat(),
  })),
};
export const keypointResults = coco.results.map(({ bbox: _, segmentation: __, ...rest }) => rest);

export const iouRequests = [
  { a: [[0, 0, 5, 5]], b: [[1, 1, 6, 6]], format: 'xyxy', iscrowd: [1] },
  { a: [rle, { size: [4, 4], counts: [3, 5, 8] }], b: [rle, { size: [4, 4], counts: [3, 5, 8] }], format: 'rle' },
];

export const yaml = 'path: .\ntrain: images\nnc: 2\nnames:\n  0: cat\n  1: "dog # not"\nkpt_shape: [17, 3]\n';
export const classNames = "{0: 'person', 1: 'bi\\'cycle', 2: \"car\"}";
export const manifest = {
  family: 'yolox',
  task: 'detection',
  labels: ['a', 'b', 'c'],
  params: { strides: [8, 16, 32] },
  input: { color: 'rgb', resize: { mode: 'letterbox', width: 32, height: 32, anchor: 'center' } },
  defaults: { score_threshold: 0.4, iou_threshold: 0.5, max_detections: 10 },
  provider: 'cpu',
  license: 'CC0',
  source: 'x',
};

/** A detector for 32×32 pixels that finds one object in every picture, with names in its metadata. */
export const onnx = detector();

function detector() {
  const [rows, columns] = [21, 8];
  const data = new Float32Array(rows * columns);
  data.set([16, 16, 8, 8, 0.9, 1]);
  return Buffer.from(
    encodeModel(
      model(
        {
          name: 'sample',
          nodes: [
            node('ReduceMean', ['image'], ['mean'], { axes: [1, 2, 3], keepdims: 0 }),
            node('Reshape', ['mean', 'scalar'], ['level']),
            node('Mul', ['level', 'nothing'], ['zero']),
            node('Add', ['rows', 'zero'], ['sum']),
            node('Exp', ['zero'], ['one']),
            node('Mul', ['sum', 'one'], ['output']),
          ],
          inputs: [value('image', 'float32', [1, 3, 32, 32])],
          outputs: [value('output', 'float32', [1, rows, columns])],
          initializers: [
            tensor('scalar', 'int64', [1], [1]),
            tensor('nothing', 'float32', [1], [0]),
            tensor('rows', 'float32', [1, rows, columns], data),
          ],
        },
        { metadata: { names: classNames } },
      ),
    ),
  );
}

/** Pictures of every format that is read, 9×7. */
export async function pictures() {
  const plain = sharp({ create: { width: 9, height: 7, channels: 3, background: '#c04020' } });
  const encoded = ['jpeg', 'png', 'webp', 'gif', 'tiff', 'avif'].map((format) =>
    plain.clone().toFormat(format).withMetadata({ orientation: 6 }).toBuffer(),
  );
  return [...(await Promise.all(encoded)), bitmap(9, 7), png(2 ** 31 - 1, 2 ** 31 - 1), png(30_000, 30_000)];
}

/** A 24-bit BMP. */
function bitmap(width, height) {
  const stride = (3 * width + 3) & ~3;
  const bytes = Buffer.alloc(54 + stride * height, 0x7f);
  bytes.fill(0, 0, 54);
  bytes.write('BM', 'latin1');
  bytes.writeUInt32LE(bytes.length, 2);
  bytes.writeUInt32LE(54, 10);
  bytes.writeUInt32LE(40, 14);
  bytes.writeInt32LE(width, 18);
  bytes.writeInt32LE(height, 22);
  bytes.writeUInt16LE(1, 26);
  bytes.writeUInt16LE(24, 28);
  return bytes;
}

/** A PNG whose checksums are right, whatever its header says: 8-bit grey unless told otherwise. */
export function png(
  width,
  height,
  {
    depth = 8,
    color = 0,
    interlace = 0,
    packed = deflateSync(Buffer.alloc(Math.min((width + 1) * height, 1000))),
  } = {},
) {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width >>> 0, 0);
  header.writeUInt32BE(height >>> 0, 4);
  header[8] = depth;
  header[9] = color;
  header[12] = interlace;
  const chunk = (type, content) => {
    const body = Buffer.concat([Buffer.from(type, 'latin1'), content]);
    const ends = Buffer.alloc(8);
    ends.writeUInt32BE(content.length, 0);
    ends.writeUInt32BE(crc32(body), 4);
    return Buffer.concat([ends.subarray(0, 4), body, ends.subarray(4)]);
  };
  const signature = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');
  return Buffer.concat([signature, chunk('IHDR', header), chunk('IDAT', packed), chunk('IEND', Buffer.alloc(0))]);
}

/** A hundred mebibytes of nothing in a hundred kibibytes. */
const bomb = Buffer.alloc(100 * 2 ** 20);
export const deflatedBomb = deflateSync(bomb);
const rawBomb = deflateRawSync(bomb);

/** A zip archive; `lie` may change what its directory says of each file. */
export function zip(files, lie = {}) {
  const locals = [];
  const centrals = [];
  let offset = 0;
  for (const { name, bytes } of files) {
    const data = lie.bomb ? rawBomb : deflateRawSync(bytes);
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(0x800, 2);
    common.writeUInt16LE(lie.method ?? 8, 4);
    common.writeUInt32LE(lie.crc ?? crc32(bytes), 10);
    common.writeUInt32LE(lie.packed ?? data.length, 14);
    common.writeUInt32LE(lie.size ?? bytes.length, 18);
    common.writeUInt16LE(Buffer.byteLength(name), 22);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(((lie.mode ?? 0o100644) << 16) >>> 0, 6);
    tail.writeUInt32LE(lie.offset ?? offset, 10);
    centrals.push(Buffer.from('PK\x01\x02\x14\x03', 'latin1'), common, tail, Buffer.from(name));
    const local = [Buffer.from('PK\x03\x04', 'latin1'), common, Buffer.from(name), data];
    locals.push(...local);
    offset += local.reduce((sum, part) => sum + part.length, 0);
  }
  const directory = Buffer.concat(centrals);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(lie.count ?? files.length, 8);
  end.writeUInt16LE(lie.count ?? files.length, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...locals, directory, end]);
}

export function file(name, content) {
  return { name, bytes: Buffer.from(content) };
}
