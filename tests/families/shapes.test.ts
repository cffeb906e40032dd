import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { describeModel } from '../../src/catalog/describe.ts';
import { parseManifest } from '../../src/catalog/manifest.ts';
import { evaluateDetection } from '../../src/evaluate/detection.ts';
import { imagesOf, ModelResults } from '../../src/evaluate/model-results.ts';
import { openModel } from '../../src/open-model.ts';
import { predict } from '../../src/pipeline.ts';

const truth = JSON.parse(readFileSync('samples/shapes/instances.json', 'utf8'));
/** A fifth of the scenes. */
const images = imagesOf(truth, undefined).filter((_, i) => i % 5 === 0);
const models = readdirSync('models').filter((id) => id.endsWith('-shapes'));

describe.each(models)('%s', (id) => {
  const manifest = parseManifest(readFileSync(`models/${id}/model.json`, 'utf8'), 'model.json');
  const metrics = manifest.metrics as { AP: number; mask_AP?: number };

  it.each([
    ['bbox', metrics.AP],
    ['segm', metrics.mask_AP],
  ] as const)('is recognised bare and scores what model.json says, %s', async (iouType, expected) => {
    if (expected === undefined) return;
    const path = `models/${id}/model.onnx`;
    const description = await describeModel(path, { labels: manifest.labels ?? [] });
    expect(description.recognition.by).toBe('graph');
    const loaded = await openModel({ path, description, provider: 'cpu', threads: 2 });
    const collected = new ModelResults(truth, iouType);
    for (const image of images) {
      const limits = { scoreThreshold: 0.001, iouThreshold: 0.5, maxDetections: 100, classAgnostic: false };
      const bytes = readFileSync(`samples/shapes/images/${image.name}`);
      const request = { image: bytes, name: '', maxPixels: 1e6, limits, format: 'json', maskFormat: 'rle' } as const;
      const { body } = await predict(loaded, request, () => {});
      collected.add(image, JSON.parse(new TextDecoder().decode(body)).detections);
    }
    await loaded.session.release();
    const image_ids = images.map((image) => image.id);
    const { stats } = evaluateDetection(truth, collected.results, { iou_type: iouType, image_ids });
    // A few scenes are not all of them.
    expect(stats.AP).toBeGreaterThan(expected - 0.06);
    expect(stats.AP).toBeLessThan(expected + 0.1);
  });
});
