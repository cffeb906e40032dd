import { describe, expect, it } from 'vitest';
import { zipOf } from '../formats/zip-writer.ts';
import { FOUND, json, square, startJobServer, truthOf, zip } from './evaluations-server.ts';

describe('an evaluation', () => {
  it('runs a model on a data set, scores it and keeps what came out until it is deleted', async () => {
    const server = await startJobServer();
    const truth = truthOf(3);
    // One object more than the model finds.
    truth.annotations.push({ id: 9, image_id: 1, category_id: 7, bbox: [0, 0, 5, 5], area: 25, iscrowd: 0 });
    const accepted = await server.send({ ground_truth: json('truth.json', truth), confusion: 'true' });
    expect(accepted.status).toBe(202);
    const job = await server.ended(accepted);
    expect(accepted.headers.get('location')).toBe(`/v1/evaluations/${job.id}`);
    expect(job).toMatchObject({
      model: 'finds',
      model_sha256: expect.stringMatching(/^[\da-f]{64}$/),
      ground_truth: 'truth.json',
      images: 'images.zip',
      options: { confusion: true },
      state: 'done',
      progress: { done: 3, total: 3, images_per_second: expect.any(Number), seconds_left: null },
    });
    expect(job.error).toBeUndefined();
    expect(job.created <= job.started! && job.started! <= job.finished!).toBe(true);
    expect(job.result!.stats.AR100).toBeCloseTo(0.75, 12);
    expect(job.result!.confusion?.labels).toEqual(['class_0', 'Class 1', 'background']);
    expect(job.result!.per_class[0]).toMatchObject({ label: 'class_0', ground_truth: 4, predictions: 3 });

    const found = await (await fetch(`${server.url}/${job.id}/predictions`)).json();
    expect(found).toEqual([1, 2, 3].map((image_id) => ({ image_id, category_id: 7, bbox: FOUND, score: 0.9 })));
    const report = await fetch(`${server.url}/${job.id}/report`);
    expect(report.headers.get('content-type')).toMatch(/^text\/html/);
    expect(await report.text()).toContain('finds on truth.json');

    const { result: _, ...listed } = job;
    expect(await (await fetch(server.url)).json()).toEqual({ evaluations: [listed] });
    expect((await server.remove(job.id)).status).toBe(204);
    for (const path of ['', '/events', '/predictions', '/report']) {
      expect((await fetch(`${server.url}/${job.id}${path}`)).status).toBe(404);
    }
    expect((await server.remove(job.id)).status).toBe(404);
    expect(await (await fetch(server.url)).json()).toEqual({ evaluations: [] });
  });

  it('finds images in the folders of an archive', async () => {
    const server = await startJobServer();
    const truth = truthOf(2);
    truth.images[1]!.file_name = 'val/b.png';
    const entries = [
      { name: 'set/a.png', content: square },
      { name: 'b.png', content: square },
      { name: 'other.txt', content: 'x' },
    ];
    const job = await server.ended(
      await server.send({ ground_truth: json('truth.json', truth), images: zip(entries) }),
    );
    expect(job.result?.stats.AP).toBeCloseTo(1, 12);
  });

  it('reads ground truths of other formats, and the sizes of images from the images', async () => {
    const server = await startJobServer();
    const yolo = [
      { name: 'data.yaml', content: 'names: [class_1, class_0]' },
      // The object that the model finds, in parts of the image.
      { name: 'labels/a.txt', content: '1 0.5 0.5 0.25 0.25' },
    ];
    const labels = { name: 'yolo.zip', bytes: zipOf(yolo) };
    const images = zip([{ name: 'images/a.png', content: square }]);
    const job = await server.ended(await server.send({ ground_truth: labels, images }));
    expect(job).toMatchObject({ state: 'done', ground_truth: 'yolo.zip' });
    expect(job.result?.stats.AP).toBeCloseTo(1, 12);
    expect(job.result?.per_class.find(({ label }) => label === 'class_0')).toMatchObject({ ground_truth: 1 });

    const csv = json('truth.csv', 'filename,width,height,class,xmin,ymin,xmax,ymax\na.png,32,32,class_0,12,12,20,20\n');
    const other = await server.ended(await server.send({ ground_truth: csv }));
    expect(other.result?.stats.AP).toBeCloseTo(1, 12);
  });
});
