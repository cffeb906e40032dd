import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { describeModel } from '../../src/catalog/describe.ts';
import { parseManifest } from '../../src/catalog/manifest.ts';
import { evaluateDetection } from '../../src/evaluate/detection.ts';
import { imagesOf, ModelResults } from '../../src/evaluate/model-results.ts';
import { evaluateSegmentation } from '../../src/evaluate/segmentation.ts';
import { openModel } from '../../src/open-model.ts';
import { predict } from '../../src/pipeline.ts';

const truth = JSON.parse(readFileSync('samples/shapes/instances.json', 'utf8'));
/** A fifth of the scenes. */
const images = imagesOf(truth, undefined).filter((_, i) => i % 5 === 0);
const models = readdirSync('models').filter((id) => id.endsWith('-shapes'));

describe.each(models)('%s', (id) => {
  const manifest = parseManifest(readFileSync(`models/${id}/model.json`, 'utf8'), 'model.json');
  const metrics = manifest.metrics as { AP?: number; mask_AP?: number; mIoU?: number };

  const measures = (
    [
      ['AP', scoreObjects('bbox')],
      ['mask_AP', scoreObjects('segm')],
      ['mIoU', scoreMaps],
    ] as const
  ).filter(([metric]) => metrics[metric] !== undefined);

  it.each(measures)('is recognised bare and scores what model.json says, %s', async (metric, score) => {
    const expected = metrics[metric]!;
    const path = `models/${id}/model.onnx`;
    const description = await describeModel(path, { labels: manifest.labels ?? [] });
    expect(['graph', 'probe']).toContain(description.recognition.by);
    const loaded = await openModel({ path, description, provider: 'cpu', threads: 2 });
    const measured = await score((image, about) => {
      const limits = { scoreThreshold: 0.001, iouThreshold: 0.5, maxDetections: 100, classAgnostic: false };
      const bytes = readFileSync(`samples/shapes/images/${image}`);
      return predict(loaded, { image: bytes, name: '', maxPixels: 1e6, limits, ...about }, () => {});
    });
    await loaded.session.release();
    // A few scenes are not all of them.
    expect(measured).toBeGreaterThan(expected - 0.06);
    expect(measured).toBeLessThan(expected + 0.1);
  });
});

type Run = (
  image: string,
  about: Pick<Parameters<typeof predict>[1], 'format' | 'maskFormat'>,
) => ReturnType<typeof predict>;

function scoreObjects(iouType: 'bbox' | 'segm') {
  return async (run: Run) => {
    const collected = new ModelResults(truth, iouType);
    for (const image of images) {
      const { body } = await run(image.name, { format: 'json', maskFormat: 'rle' });
      collected.add(image, JSON.parse(new TextDecoder().decode(body)).detections);
    }
    const image_ids = images.map((image) => image.id);
    return evaluateDetection(truth, collected.results, { iou_type: iouType, image_ids }).stats.AP;
  };
}

async function scoreMaps(run: Run): Promise<number> {
  const names = images.map((image) => image.name.replace(/jpg$/, 'png'));
  const maps = names.map((name) => ({ name, bytes: readFileSync(`samples/shapes/labels/${name}`) }));
  const found = [];
  for (const [i, { name }] of images.entries()) {
    const { body } = await run(name, { format: 'png', maskFormat: 'png' });
    found.push({ name: names[i]!, bytes: Buffer.from(body) });
  }
  const limits = { maxPixels: 1e6, maxBytes: 2 ** 27 };
  return (await evaluateSegmentation(maps, found, {}, limits)).mean_iou;
}
