import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { AppError } from '../../src/errors.ts';
import { model, node, tensor, value } from '../../src/onnx/model.ts';
import { detector, nanDetector, scratchFolder, writeModel } from '../helpers/graphs.ts';
import { chelsea, resultsOf, rocket, startEngine } from './start-engine.ts';

const scratch = scratchFolder();
afterAll(scratch.remove);
let engines: Awaited<ReturnType<typeof startEngine>>['engine'][] = [];
afterEach(async () => {
  await Promise.all(engines.map((engine) => engine.close()));
  engines = [];
});

async function start(settings: Readonly<Record<string, unknown>> = {}) {
  const started = await startEngine(settings);
  engines.push(started.engine);
  return started;
}

const inScratch = { models_dir: [scratch.path] };
const inside = (file: string) => join(scratch.path, file);
const labelsOf = (reply: Parameters<typeof resultsOf>[0]) =>
  resultsOf(reply).map(({ detections }) => detections.map((d) => d.label));

describe('workers that are killed under load', () => {
  it('cost no answer: each is the right one or says when to try again', async () => {
    const { engine, predict } = await start({ queue_limit: 300 });
    const [expected] = resultsOf(await predict({ model: 'nanodet-g-coco' }));
    expect(expected!.detections.map((d) => d.label)).toContain('cat');
    const answers = Array.from({ length: 200 }, () =>
      predict({ model: 'nanodet-g-coco' }).then(
        (reply) => resultsOf(reply)[0],
        (error: unknown) => error,
      ),
    );
    for (let i = 0; i < 4; i++) {
      await vi.waitUntil(() => engine.pool.stats.running > 2 || engine.pool.stats.queued === 0, 20_000);
      await engine.pool.kill(i % 2);
    }
    const settled = await Promise.all(answers);
    const failures = settled.filter((answer) => answer instanceof Error);
    for (const failure of failures) {
      expect(failure).toBeInstanceOf(AppError);
      expect(failure).toMatchObject({ code: 'worker_lost', retryAfter: expect.any(Number) });
    }
    for (const answer of settled) if (!(answer instanceof Error)) expect(answer).toEqual(expected);
    expect(failures.length).toBeLessThan(20);
    expect(engine.pool.stats.lost).toBe(4);
    expect(resultsOf(await predict({ model: 'nanodet-g-coco' }))).toEqual([expected]);
    await vi.waitUntil(() => engine.pool.stats.workers === 2, 20_000);
    expect(engine.pool.stats).toMatchObject({ queued: 0, running: 0 });
  });

  it('do not spoil a load', async () => {
    const { engine, predict } = await start();
    const first = predict({ model: 'nanodet-g-coco' });
    await engine.pool.kill(0);
    expect(labelsOf(await first)[0]).toContain('cat');
  });

  it('all at once do not end the service', async () => {
    const { engine, predict } = await start();
    await predict({ model: 'nanodet-g-coco' });
    await Promise.all([engine.pool.kill(0), engine.pool.kill(1)]);
    expect(labelsOf(await predict({ model: 'nanodet-g-coco' }))[0]).toContain('cat');
  });
});

describe('graphs that misbehave', () => {
  it('find nothing where their outputs are NaN', async () => {
    writeModel(inside('nan.onnx'), nanDetector());
    const { predict } = await start(inScratch);
    expect(labelsOf(await predict({ model: 'nan' }))).toEqual([[]]);
    expect(labelsOf(await predict({ model: 'nan', options: { scoreThreshold: 0 } }))).toEqual([[]]);
  });

  it('are refused in clear words where their outputs are of another shape than they declare', async () => {
    writeModel(inside('shape.onnx'), detector({ rows: 20 }));
    const { predict } = await start(inScratch);
    await expect(predict({ model: 'shape' })).rejects.toMatchObject({
      code: 'model_unavailable',
      message: expect.stringMatching(/outputs are not what its family gives: .*\[1,21,5 \+ classes\].*\[1,20,8\]/),
    });
  });

  it('are refused with their reason where onnxruntime does not take them', async () => {
    const graph = detector();
    const nodes = [...graph.graph.nodes, node('NoSuchOperator', ['image'], ['nowhere'])];
    writeModel(inside('operator.onnx'), { ...graph, graph: { ...graph.graph, nodes } });
    const { predict } = await start(inScratch);
    await expect(predict({ model: 'operator' })).rejects.toMatchObject({
      code: 'model_unavailable',
      message: expect.stringContaining('NoSuchOperator'),
      retryAfter: expect.any(Number),
    });
  });

  it('of any size take pictures of every shape', async () => {
    const half = { create: { width: 150, height: 100, channels: 3 as const, background: '#00f' } };
    const red = await sharp({ create: { ...half.create, background: '#f00' } })
      .png()
      .toBuffer();
    const wide = await sharp({ create: { ...half.create, width: 300 } })
      .composite([{ input: red, left: 0, top: 0 }])
      .png()
      .toBuffer();
    const tall = await sharp(wide).rotate(90).png().toBuffer();
    // The scores of three classes are the picture's own channels.
    writeModel(
      inside('dynamic.onnx'),
      model({
        name: 'channels',
        nodes: [node('Mul', ['image', 'scale'], ['scores'])],
        inputs: [value('image', 'float32', [1, 3, 'height', 'width'])],
        outputs: [value('scores', 'float32', [1, 3, 'height', 'width'])],
        initializers: [tensor('scale', 'float32', [1], [10])],
      }),
    );
    const resize = { mode: 'limit', longest: 96, multiple: 32 };
    const manifest = { family: 'semantic', labels: ['red', 'green', 'blue'], input: { resize } };
    writeFileSync(inside('dynamic.json'), JSON.stringify(manifest));
    const { predict } = await start(inScratch);
    for (const [bytes, size] of [
      [wide, { width: 300, height: 100 }],
      [tall, { width: 100, height: 300 }],
    ] as const) {
      const [result] = resultsOf<{ image: object; segments: { label: string; fraction: number }[] }>(
        await predict({ model: 'dynamic', images: [bytes] }),
      );
      expect(result!.image).toMatchObject(size);
      expect(result!.segments.map((s) => s.label).sort()).toEqual(['blue', 'red']);
      for (const { fraction } of result!.segments) expect(fraction).toBeCloseTo(0.5, 1);
    }
  });
});

describe('requests of many images', () => {
  it('are answered in order, without a warning', async () => {
    writeModel(inside('many.onnx'), detector({ box: [16, 16, 32, 32] }));
    const { predict } = await start(inScratch);
    const warned = vi.fn();
    process.on('warning', warned);
    const images = Array.from({ length: 32 }, (_, i) => (i % 3 === 0 ? rocket : chelsea));
    const { signal } = new AbortController();
    const results = resultsOf(await predict({ model: 'many', images, signal }));
    await new Promise((resolve) => setImmediate(resolve));
    process.off('warning', warned);
    expect(warned).not.toHaveBeenCalled();
    expect(results.map(({ detections }) => detections[0]!.box.xmax)).toEqual(
      images.map((i) => (i === rocket ? 640 : 451)),
    );
  });

  it('fail with the first image that fails, and leave nothing running', async () => {
    const { engine, predict } = await start(inScratch);
    const images = [chelsea, new Uint8Array([1, 2, 3]), ...Array.from({ length: 20 }, () => chelsea)];
    await expect(predict({ model: 'many', images })).rejects.toMatchObject({ code: 'unsupported_image' });
    await vi.waitUntil(() => engine.pool.stats.running === 0, 20_000);
    expect(engine.pool.stats.queued).toBe(0);
  });

  it('are refused whole where the queue has no room for all', async () => {
    const { engine, predict } = await start({ ...inScratch, queue_limit: 3 });
    await expect(predict({ model: 'many', images: [chelsea, chelsea, chelsea, chelsea] })).rejects.toMatchObject({
      code: 'overloaded',
      retryAfter: expect.any(Number),
    });
    expect(engine.pool.stats.running).toBe(0);
  });
});

describe('models that come and go under load', () => {
  /** `requests` per client, one after the other; what each was answered. */
  const load = (clients: number, requests: number, once: (client: number) => Promise<string>) =>
    Promise.all(
      Array.from({ length: clients }, async (_, client) => {
        const answers: string[] = [];
        for (let i = 0; i < requests; i++) answers.push(await once(client));
        return answers;
      }),
    );

  it('may be more than are kept loaded', async () => {
    for (const classId of [0, 1, 2]) writeModel(inside(`evict-${classId}.onnx`), detector({ classId }));
    const { engine, predict } = await start({ ...inScratch, max_loaded_models: 1 });
    const answers = await load(6, 15, async (client) => {
      const reply = await predict({ model: `evict-${client % 3}` });
      return labelsOf(reply)[0]!.join();
    });
    expect(answers).toEqual(Array.from({ length: 6 }, (_, client) => Array(15).fill(`class_${client % 3}`)));
    expect(engine.catalog.list().filter((m) => m.loaded)).toHaveLength(1);
  });

  it('are replaced without a failed request, and stay where the replacement is broken', async () => {
    writeModel(inside('swap.onnx'), detector({ classId: 0 }));
    const { engine, predict } = await start(inScratch);
    const once = async () => labelsOf(await predict({ model: 'swap' }))[0]!.join();
    expect(await once()).toBe('class_0');
    let isDone = false;
    const clients = Array.from({ length: 8 }, async () => {
      const answers: string[] = [];
      while (!isDone) answers.push(await once());
      return answers;
    });
    for (const classId of [1, 2, 1, 2]) {
      writeModel(inside('swap.onnx'), detector({ classId }));
      await engine.catalog.refresh();
      expect(await once()).toBe(`class_${classId}`);
    }
    writeFileSync(inside('swap.onnx'), 'broken');
    await engine.catalog.refresh();
    expect(await once()).toBe('class_2');
    expect(engine.catalog.get('swap').error).toMatchObject({ code: 'invalid_model' });
    isDone = true;
    const answers = new Set((await Promise.all(clients)).flat());
    expect([...answers].filter((answer) => !/^class_[012]$/.test(answer))).toEqual([]);
    expect(answers.size).toBeGreaterThan(1);
  });

  it('are unloaded and loaded without a failed request', async () => {
    writeModel(inside('toggle.onnx'), detector({ classId: 1 }));
    const { engine, predict } = await start(inScratch);
    const answers = load(6, 20, async () => labelsOf(await predict({ model: 'toggle' }))[0]!.join());
    for (let i = 0; i < 8; i++) {
      await engine.catalog.unload('toggle');
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    expect(new Set((await answers).flat())).toEqual(new Set(['class_1']));
  });

  it('serve who already waits when their files are removed', async () => {
    writeModel(inside('leaving.onnx'), detector({ classId: 2 }));
    const { engine, predict } = await start(inScratch);
    await predict({ model: 'leaving' });
    const waiting = Array.from({ length: 20 }, () => predict({ model: 'leaving' }));
    rmSync(inside('leaving.onnx'));
    await engine.catalog.refresh();
    expect((await Promise.all(waiting)).flatMap(labelsOf)).toEqual(Array(20).fill(['class_2']));
    await expect(predict({ model: 'leaving' })).rejects.toMatchObject({ code: 'model_not_found' });
  });
});

describe('deadlines and clients that go away', () => {
  it('end a request, not the service', async () => {
    const { engine, predict } = await start();
    await predict({ model: 'centernet-mobilenetv3-coco' });
    const late = Array.from({ length: 8 }, () =>
      predict({ model: 'centernet-mobilenetv3-coco', deadline: Date.now() + 30 }).catch((e: unknown) => e),
    );
    const client = new AbortController();
    const given = predict({ model: 'centernet-mobilenetv3-coco', signal: client.signal });
    client.abort();
    await expect(given).rejects.toMatchObject({ code: 'aborted' });
    expect(await Promise.all(late)).toContainEqual(expect.objectContaining({ code: 'timeout' }));
    expect(labelsOf(await predict({ model: 'nanodet-g-coco' }))[0]).toContain('cat');
    await vi.waitUntil(() => engine.pool.stats.running === 0, 20_000);
  });
});
