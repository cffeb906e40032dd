// Every parser, each with what it is given. A target takes a Random and must return, or throw a documented error.
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import { parseManifest } from '../../dist/catalog/manifest.js';
import { manifestOfUpload, toModelId } from '../../dist/catalog/store.js';
import { AppError } from '../../dist/errors.js';
import { loadCoco } from '../../dist/eval/coco/load.js';
import { evaluateDetection } from '../../dist/evaluate/detection.js';
import {
  detectionOptionsSchema,
  iouTypes,
  parseDetectionOptions,
  parseFields,
} from '../../dist/evaluate/detection-options.js';
import { segmentationOptionsSchema } from '../../dist/evaluate/segmentation.js';
import { answerScoring } from '../../dist/evaluate/tasks.js';
import { labelsFor } from '../../dist/families/labels.js';
import { recogniseFamily } from '../../dist/families/recognise.js';
import { readDataYaml } from '../../dist/formats/class-list.js';
import { readDataset, writeDataset } from '../../dist/formats/convert.js';
import { FORMATS } from '../../dist/formats/format.js';
import { jsonItems, parseJson, topLevelKeys } from '../../dist/formats/json.js';
import { recognise } from '../../dist/formats/recognise.js';
import { parseXml } from '../../dist/formats/xml.js';
import { readZip } from '../../dist/formats/zip.js';
import { decodeBmp, readBmpHeader } from '../../dist/image/bmp.js';
import { sniffFormat } from '../../dist/image/format.js';
import { openPicture } from '../../dist/image/picture.js';
import { readPngSamples } from '../../dist/image/png.js';
import { answerIou } from '../../dist/iou-request.js';
import { parseJsonBody } from '../../dist/json-body.js';
import { readSignature } from '../../dist/onnx/read-signature.js';
import { rleArea, rleFromCounts, rleToBox, rleToRows } from '../../dist/vision/rle.js';
import { rleFromPolygon } from '../../dist/vision/rle-polygon.js';
import { rleFromString, rleToString } from '../../dist/vision/rle-string.js';
import { hostileFields, mutateBytes, mutateJson } from './mutate.mjs';
import * as samples from './samples.mjs';

const scratch = mkdtempSync(join(tmpdir(), 'miru-fuzz-'));
const pictures = await samples.pictures();
const bitmaps = pictures.filter((bytes) => sniffFormat(bytes) === 'BMP');
const pngs = pictures.filter((bytes) => sniffFormat(bytes) === 'PNG');
const MAX_PIXELS = 2 ** 20;
const SIZES = JSON.stringify({ 'img-1.png': [30, 20], 'img-2.png': [30, 20] });
const LIMITS = { maxPixels: MAX_PIXELS, maxBytes: 2 ** 24 };
/** A grey PNG that is in order as often as not, or one with a lying header or data, checksums right. */
export function hostilePng(random) {
  const side = () =>
    random.chance(0.8) ? 1 + random.below(3) : random.of([0, 1000, 30_000, 2 ** 31 - 1, 2 ** 32 - 1]);
  const [width, height] = [side(), side()];
  const pixels = Math.min((width + 1) * height, 2 ** 16);
  const packed = deflateSync(Buffer.from(Array.from({ length: pixels }, (_, i) => (i % (width + 1) ? i % 3 : 0))));
  if (random.chance(0.6)) return samples.png(width, height, { packed });
  return samples.png(width, height, {
    depth: random.chance(0.5) ? 8 : random.of([1, 2, 4, 16, 0, 3, 255]),
    color: random.chance(0.5) ? 0 : random.of([2, 3, 4, 6, 1, 255]),
    interlace: random.chance(0.8) ? 0 : random.of([1, 2]),
    packed: random.chance(0.1) ? samples.deflatedBomb : mutateBytes(random, packed),
  });
}

/** Mostly those of the sample mask. */
const sides = (random) => (random.chance(0.8) ? [30, 20] : [random.of(SIDES), random.of(SIDES)]);
/** Sizes that no mask can have, and some that it can. */
const SIDES = [0, 1, 4, 20, 30, 1000, 2 ** 15, 2 ** 16, 2 ** 31, 2 ** 53, -1, 1.5, Number.NaN];

/** Damages one of the files; JSON by its values, too. */
export function damage(random, files) {
  const chosen = random.below(files.length);
  return files.flatMap((entry, i) => {
    if (i !== chosen) return [entry];
    const { name } = entry;
    if (random.chance(0.03)) return [];
    if (random.chance(0.03)) return [entry, entry];
    if (random.chance(0.05)) return [{ ...entry, name: random.of(['', '..', '../x.xml', 'a\0b.json', `${name}.png`]) }];
    const isJson = name.endsWith('.json') && random.chance(0.6);
    const bytes = isJson ? mutateJson(random, JSON.parse(entry.bytes.toString())) : mutateBytes(random, entry.bytes);
    return [{ name, bytes }];
  });
}

/** A zip archive of damaged files, or a damaged archive, or one that lies. */
export function damagedZip(random, files) {
  const choice = random.next();
  if (choice < 0.4) return samples.zip(damage(random, files));
  if (choice < 0.7) return mutateBytes(random, samples.zip(files));
  const lies = [
    { bomb: true },
    { bomb: true, size: 100 * 2 ** 20 },
    { size: 2 ** 31 },
    { size: 1 },
    { packed: 2 ** 31 },
    { count: 65_535 },
    { offset: 0xfffffff0 },
    { crc: 1 },
  ];
  return samples.zip(files, random.of([...lies, { method: 99 }, { method: 0 }, { mode: 0o120777 }, { count: 0 }]));
}

function formatTarget(format) {
  const files = samples.dataFiles[format];
  return (random) => {
    const data = readDataset(damage(random, files), format, {
      maxPixels: MAX_PIXELS,
      names: ['a', 'b'],
      sizes: new Map(['img-1', 'img-2'].map((name) => [name, { width: 30, height: 20 }])),
      ...(random.chance(0.3) && { reference: samples.reference }),
    });
    // What was read can be written, or is refused.
    const other = random.of(FORMATS);
    if (other !== 'voc-results') writeDataset(data, other);
  };
}

function signatureOf(bytes) {
  const path = join(scratch, 'model.onnx');
  writeFileSync(path, bytes);
  return readSignature(path);
}

/** What can be the ground truth of boxes and masks. */
const TRUTHS = ['coco', 'voc', 'yolo', 'labelme', 'csv'];
const OPTIONS = Object.keys(detectionOptionsSchema.shape);

export const targets = {
  ...Object.fromEntries(FORMATS.map((format) => [`formats: ${format}`, { run: formatTarget(format) }])),
  'formats: recognise': {
    run: (random) => recognise(damage(random, samples.dataFiles[random.of(FORMATS)])),
  },
  'formats: zip': {
    run: (random) =>
      readZip(
        { name: 'data.zip', bytes: damagedZip(random, samples.dataFiles[random.of(FORMATS)]) },
        { maxBytes: 2 ** 24, maxEntries: 1000 },
      ),
  },
  'formats: xml': {
    run: (random) => parseXml({ name: 'a.xml', bytes: mutateBytes(random, samples.dataFiles.voc[0].bytes) }),
  },
  'formats: json': {
    run: (random) => {
      const file = { name: 'a.json', bytes: mutateJson(random, samples.coco.results) };
      if (random.chance(0.3)) return parseJson(file);
      if (random.chance(0.3)) return [...topLevelKeys(file)];
      for (const _ of jsonItems(file));
    },
  },
  'formats: data.yaml': {
    run: (random) => readDataYaml(mutateBytes(random, Buffer.from(samples.yaml)).toString(), 'data.yaml'),
  },
  'masks: strings': {
    documented: [RangeError],
    run: (random) => {
      const { counts } = samples.coco.results[0].segmentation;
      // Few damaged strings are strings of a mask: some stay as they are.
      if (random.chance(0.2)) return inspect(rleFromString(counts, ...sides(random)));
      const text = random.chance(0.5)
        ? mutateBytes(random, Buffer.from(counts)).toString('latin1')
        : String.fromCharCode(...Array.from({ length: random.below(60) }, () => 48 + random.below(64)));
      inspect(rleFromString(text, ...sides(random)));
    },
  },
  'masks: counts': {
    documented: [RangeError],
    run: (random) => {
      const counts = Array.from({ length: random.below(9) }, () =>
        random.chance(0.1) ? random.of(SIDES) : random.below(100),
      );
      if (random.chance(0.7)) counts.push(600 - counts.reduce((sum, count) => sum + count, 0));
      inspect(rleFromCounts(counts, ...sides(random)));
    },
  },
  'masks: polygons': {
    documented: [RangeError],
    run: (random) => {
      const points = Array.from({ length: random.chance(0.8) ? 2 * random.below(7) : random.below(12) }, () =>
        random.chance(0.05) ? random.of([...SIDES, 1e308, -1e308, Infinity]) : 40 * random.next() - 5,
      );
      inspect(rleFromPolygon(points, ...sides(random)));
    },
  },
  'eval: COCO': {
    documented: [RangeError],
    run: (random) => {
      const { groundTruth, results } = samples.coco;
      const pick = (value) => (random.chance(0.5) ? value : JSON.parse(mutateJson(random, value).toString()));
      loadCoco(pick(groundTruth), pick(results), { iouType: random.of(iouTypes) });
    },
    // What cannot be parsed says nothing about the loader.
    ignores: SyntaxError,
  },
  'evaluate: detection': {
    run: (random) => {
      const { groundTruth, results } = samples.coco;
      const pick = (value) => (random.chance(0.5) ? value : JSON.parse(mutateJson(random, value).toString()));
      const options = parseDetectionOptions({
        iou_type: random.of(iouTypes),
        ...(random.chance(0.5) && {
          curves: true,
          confusion: true,
          errors: true,
          worst: 5,
          sizes: '8,16',
          bootstrap: 3,
        }),
        ...(random.chance(0.3) && hostileFields(random, OPTIONS)),
      });
      evaluateDetection(pick(groundTruth), pick(results), options, random.chance(0.3) ? pick(results) : undefined);
    },
    ignores: SyntaxError,
  },
  'evaluate: files': {
    run: (random) => {
      const [truth, found] = [random.of(TRUTHS), random.of(FORMATS)];
      const side = (format) => [
        random.chance(0.5)
          ? samples.file('data.zip', samples.zip(damage(random, samples.dataFiles[format])))
          : samples.file('data.zip', samples.zip(samples.dataFiles[format])),
      ];
      const options = parseDetectionOptions({ iou_type: random.of(iouTypes) });
      const baseline = random.chance(0.2) ? { baseline: side(found) } : {};
      return answerScoring({
        kind: 'detection',
        ...{ groundTruth: side(truth), predictions: side(found), ...baseline, options, limits: LIMITS },
        imageSizes: [samples.file('sizes.json', random.chance(0.9) ? SIZES : mutateBytes(random, Buffer.from(SIZES)))],
      });
    },
  },
  'evaluate: JSON': {
    run: (random) => {
      const { groundTruth, results } = samples.coco;
      const bytes = mutateJson(random, { ground_truth: groundTruth, predictions: results, worst: 3, sizes: [9, 20] });
      return answerScoring({ kind: 'detection-json', body: { name: 'the body', bytes }, fields: {} });
    },
  },
  'evaluate: label maps': {
    run: (random) => {
      const side = () => [{ name: 'a.png', bytes: hostilePng(random) }];
      const options = parseFields(
        segmentationOptionsSchema,
        random.of([{}, { ignore_index: '0' }, { labels: 'a,b' }]),
        '',
      );
      return answerScoring({ kind: 'segmentation', groundTruth: side(), predictions: side(), options, limits: LIMITS });
    },
  },
  'evaluate: panoptic': {
    run: (random) => {
      const files = samples.dataFiles['coco-panoptic'];
      const side = () => (random.chance(0.5) ? files : damage(random, files));
      return answerScoring({ kind: 'panoptic', groundTruth: side(), predictions: side(), limits: LIMITS });
    },
  },
  'evaluate: options': { run: (random) => parseDetectionOptions(hostileFields(random, OPTIONS)) },
  'models: model.json': {
    run: (random) => parseManifest(mutateJson(random, samples.manifest).toString(), 'model.json'),
  },
  'models: upload': {
    run: (random) => {
      toModelId(mutateBytes(random, Buffer.from('my model.onnx')).toString());
      const labels = random.of(['a\nb', '["a","b"]', '', '[']);
      manifestOfUpload(
        mutateJson(random, samples.manifest).toString(),
        mutateBytes(random, Buffer.from(labels)).toString(),
      );
    },
  },
  'models: names': {
    run: (random) => {
      const names = mutateBytes(random, Buffer.from(samples.classNames)).toString();
      labelsFor({ metadata: { names }, inputs: [], outputs: [] }, random.of([0, 3]));
    },
  },
  'models: ONNX': {
    run: async (random) => {
      const signature = await signatureOf(mutateBytes(random, samples.onnx));
      recogniseFamily(signature);
    },
  },
  'pictures: BMP': {
    run: (random) => {
      const bytes = mutateBytes(random, bitmaps[0]);
      sniffFormat(bytes);
      const header = readBmpHeader(bytes);
      if (header.width * header.height <= MAX_PIXELS) decodeBmp(bytes, header);
    },
  },
  'pictures: PNG labels': {
    run: (random) => {
      const bytes = random.chance(0.5) ? hostilePng(random) : mutateBytes(random, random.of(pngs));
      readPngSamples(bytes, 'a.png', MAX_PIXELS);
    },
  },
  'pictures: all': {
    run: async (random) => {
      const picture = await openPicture(mutateBytes(random, random.of(pictures)), { maxPixels: MAX_PIXELS });
      await picture.resized({ width: 8, height: 8 }, 'linear');
    },
  },
  'requests: JSON body': {
    run: (random) => {
      const image = random.of(pictures).subarray(0, 300).toString('base64');
      const body = {
        [random.of(['image', 'images'])]: random.chance(0.5) ? image : [image],
        score_threshold: 0.5,
        classes: ['a'],
      };
      parseJsonBody(mutateJson(random, body), 4);
    },
  },
  'requests: IoU': { run: (random) => answerIou(mutateJson(random, random.of(samples.iouRequests))) },
};

for (const target of Object.values(targets)) target.documented = [AppError, ...(target.documented ?? [])];

/** A mask that was read must be whole. */
function inspect(rle) {
  const { width, height } = rle;
  const area = rleArea(rle);
  if (!(area >= 0 && area <= width * height)) throw new TypeError(`area ${area} of ${width}×${height}`);
  rleToBox(rle);
  if (width * height <= MAX_PIXELS) {
    rleToRows(rle);
    const again = rleFromString(rleToString(rle), width, height);
    if (rleArea(again) !== area) throw new TypeError('the string of a mask is another mask');
  }
}
