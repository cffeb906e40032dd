// Requests to every endpoint that takes a body, with the damage that parsers get and that of HTTP on top.
import { deflateSync } from 'node:zlib';
import { hostileFields, mutateBytes, mutateJson } from './mutate.mjs';
import * as samples from './samples.mjs';
import { damage, damagedZip, hostilePng } from './targets.mjs';

const PREDICT = [
  'model',
  'score_threshold',
  'iou_threshold',
  'max_detections',
  'classes',
  'class_agnostic',
  'proposals',
  'mask_format',
  'format',
];
const SCORE = [
  'iou_type',
  'protocol',
  'max_detections',
  'area_ranges',
  'iou_thresholds',
  'use_categories',
  'image_ids',
];
const ANALYSES = ['category_ids', 'keypoint_sigmas', 'sizes', 'bootstrap', 'conventions', 'worst', 'curves', 'errors'];
const MAPS = ['ignore_index', 'labels', 'reduce_zero_label'];
const pictures = await samples.pictures();

const maybe = (random, part, value) => (random.chance(part) ? value() : {});
const query = (random, names) => `?${new URLSearchParams(Object.entries(hostileFields(random, names)))}`;
const json = (bytes) => ({ headers: { 'content-type': 'application/json' }, body: bytes });
const labelMap = () => samples.png(30, 20, { packed: deflateSync(Buffer.alloc(31 * 20, 0)) });

/** A form of `[field, value]`, where a value is text or a file; seldom damaged as a whole. */
function form(random, parts) {
  const boundary = 'fuzz';
  const chunks = parts.flatMap(([field, value]) => {
    const isFile = typeof value === 'object';
    const name = isFile ? `; filename="${value.name.replaceAll(/["\r\n]/g, '')}"` : '';
    const head = `--${boundary}\r\nContent-Disposition: form-data; name="${field}"${name}\r\n\r\n`;
    return [Buffer.from(head), isFile ? value.bytes : Buffer.from(String(value)), Buffer.from('\r\n')];
  });
  const body = Buffer.concat([...chunks, Buffer.from(`--${boundary}--\r\n`)]);
  return {
    headers: { 'content-type': `multipart/form-data; boundary=${boundary}` },
    body: random.chance(0.05) ? mutateBytes(random, body) : body,
  };
}

const fields = (random, names) => Object.entries(hostileFields(random, names));

function predict(random) {
  const endpoint = random.of(['detect', 'segment', 'classify', 'predict']);
  const path = `/v1/${endpoint}${random.chance(0.3) ? query(random, PREDICT) : ''}`;
  const picture = random.chance(0.2) ? hostilePng(random) : mutateBytes(random, random.of(pictures));
  const choice = random.next();
  if (choice < 0.4)
    return { path, headers: { 'content-type': random.of(['image/png', 'image/jpeg', 'x/y']) }, body: picture };
  if (choice < 0.7) {
    const parts = [
      ['image', { name: 'a.png', bytes: picture }],
      ...maybeList(random, 0.5, () => fields(random, PREDICT)),
    ];
    return { path, ...form(random, parts) };
  }
  const image = random.chance(0.5) ? picture.toString('base64') : `data:image/png;base64,${picture.toString('base64')}`;
  const value = {
    [random.of(['image', 'images'])]: random.chance(0.5) ? [image] : image,
    ...hostileFields(random, PREDICT),
  };
  return { path, ...json(random.chance(0.5) ? Buffer.from(JSON.stringify(value)) : mutateJson(random, value)) };
}

function detection(random) {
  const names = [...SCORE, ...ANALYSES];
  const options = {
    ...maybe(random, 0.3, () => ({ iou_type: 'segm' })),
    ...maybe(random, 0.5, () => hostileFields(random, names)),
  };
  const { groundTruth, results } = samples.coco;
  const path = '/v1/evaluate/detection';
  if (random.chance(0.4)) {
    const body = { ground_truth: groundTruth, predictions: results, ...options };
    return { path, ...json(mutateJson(random, body)) };
  }
  const side = (field, value, format) => {
    if (random.chance(0.4)) return [field, { name: `${field}.json`, bytes: mutateJson(random, value) }];
    return [field, { name: `${field}.zip`, bytes: damagedZip(random, samples.dataFiles[format]) }];
  };
  const formats = ['coco', 'voc', 'yolo', 'labelme', 'csv'];
  const parts = [
    side('ground_truth', groundTruth, random.of(formats)),
    side('predictions', results, random.of(formats)),
  ];
  if (random.chance(0.2)) parts.push(side('baseline', results, 'coco-results'));
  if (random.chance(0.1))
    parts.push(side(random.of(['__proto__', 'constructor', 'ground_truth', 'image_sizes']), results, 'csv'));
  return { path, ...form(random, [...parts, ...Object.entries(options)]) };
}

function segmentation(random) {
  const side = () => {
    if (random.chance(0.3)) return { name: 'maps.zip', bytes: damagedZip(random, samples.dataFiles['label-maps']) };
    return {
      name: 'a.png',
      bytes: random.chance(0.5)
        ? labelMap()
        : random.chance(0.5)
          ? hostilePng(random)
          : mutateBytes(random, labelMap()),
    };
  };
  const parts = [
    ['ground_truth', side()],
    ['predictions', side()],
    ...maybeList(random, 0.3, () => fields(random, MAPS)),
  ];
  return { path: '/v1/evaluate/segmentation', ...form(random, parts) };
}

function panoptic(random) {
  const side = (field) => damage(random, samples.dataFiles['coco-panoptic']).map((file) => [field, file]);
  return { path: '/v1/evaluate/panoptic', ...form(random, [...side('ground_truth'), ...side('predictions')]) };
}

function upload(random) {
  const file = {
    name: `fuzz-${random.below(1e9)}.onnx`,
    bytes: random.chance(0.9) ? mutateBytes(random, samples.onnx) : samples.onnx,
  };
  const parts = [['file', file]];
  if (random.chance(0.3)) parts.push(['manifest', mutateJson(random, samples.manifest).toString()]);
  if (random.chance(0.2)) parts.push(['labels', mutateBytes(random, Buffer.from('a\nb\nc')).toString()]);
  if (random.chance(0.1)) parts.push(['id', random.of(['..', '', 'a/b', 'nanodet-g-coco', '\0', 'x'.repeat(500)])]);
  return { path: '/v1/models', ...form(random, parts) };
}

/** A model run on a data set. */
function evaluation(random) {
  const { groundTruth } = samples.coco;
  const truth = random.chance(0.5) ? Buffer.from(JSON.stringify(groundTruth)) : mutateJson(random, groundTruth);
  const images = groundTruth.images.map(({ file_name: name }) => ({ name, bytes: random.of(pictures) }));
  const parts = [
    ['ground_truth', { name: 'gt.json', bytes: truth }],
    ['images', { name: 'images.zip', bytes: random.chance(0.5) ? samples.zip(images) : damagedZip(random, images) }],
    ...maybeList(random, 0.3, () => fields(random, ['model', ...SCORE, ...ANALYSES])),
  ];
  return { path: '/v1/evaluations', ...form(random, parts) };
}

function maybeList(random, part, list) {
  return random.chance(part) ? list() : [];
}

/** How often each comes in a hundred; scoring starts a thread for each, and a model is loaded and run. */
export const requests = [
  {
    name: 'iou',
    share: 43,
    make: (random) => ({ path: '/v1/iou', ...json(mutateJson(random, random.of(samples.iouRequests))) }),
  },
  { name: 'predict', share: 42, make: predict },
  { name: 'evaluate/detection', share: 6, make: detection },
  { name: 'evaluate/segmentation', share: 3, make: segmentation },
  { name: 'evaluate/panoptic', share: 2, make: panoptic },
  { name: 'models', share: 3, make: upload },
  { name: 'evaluations', share: 1, make: evaluation },
];

const drawn = requests.flatMap((request) => Array.from({ length: request.share }, () => request));

export function requestOf(random) {
  return random.of(drawn);
}
