import { describe, expect, it } from 'vitest';
import { families } from '../../src/families/index.ts';
import { recogniseFamily } from '../../src/families/recognise.ts';
import type { Signature } from '../../src/vision/signature.ts';
import type { Tensor } from '../../src/vision/tensor.ts';
import { signature, tensor, value } from './fixture.ts';

const SIZE = { width: 64, height: 64 };
const image = [value('images', [1, 3, SIZE.width, SIZE.height])];
const attention = { Softmax: 18, MatMul: 120 };

/** Logits [1,rows,columns] of one number each column. */
function logits(rows: number, columns: readonly number[]): Tensor {
  const result = tensor([1, rows, columns.length]);
  for (let i = 0; i < rows; i++) result.data.set(columns, i * columns.length);
  return result;
}

function pair(columns: number, operators: Signature['operators'], names = ['logits', 'pred_boxes'], dtype = 'float32') {
  const type = dtype as 'float32';
  return signature(image, [value(names[0]!, [1, 100, columns], type), value(names[1]!, [1, 100, 4], type)], {
    operators,
  });
}

describe('graphs of queries', () => {
  it.each([
    ['softmax', [-5, -6, -4, 5]],
    ['sigmoid', [-5, -6, -4, -3]],
    // Neither: an object everywhere.
    [undefined, [-5, 6, -4, -3]],
    [undefined, [Number.NaN, Number.NaN, Number.NaN, Number.NaN]],
  ] as const)('give away %s by what they say of nothing: %j', (activation, columns) => {
    const graph = pair(4, attention);
    const outputs = { logits: logits(100, columns), pred_boxes: tensor([1, 100, 4], 0.5) };
    expect(recogniseFamily(graph).best).toBeUndefined();
    const { best } = recogniseFamily(graph, { input: SIZE, outputs });
    expect(best?.params.activation).toBe(activation);
    if (activation) expect(families.detr.bind(graph, best?.params).classes).toBe(activation === 'softmax' ? 3 : 4);
  });

  it.each([
    ['DETR', pair(92, attention), { activation: 'softmax', normalization: 'imagenet', resize: 'scale' }],
    ['Deformable', pair(91, { GridSample: 48 }), { activation: 'sigmoid', normalization: 'imagenet', resize: 'scale' }],
    // Two stages choose queries as RT-DETR does, behind a deformable encoder.
    ['two stages', pair(7, { GridSample: 48, TopK: 1 }), { normalization: 'imagenet', resize: 'scale' }],
    ['RT-DETR', pair(7, { GridSample: 18, TopK: 1, Erf: 1 }), { normalization: 'unit', resize: 'stretch' }],
    ['RF-DETR', pair(7, { GridSample: 3, TopK: 1, Erf: 12 }), { normalization: 'imagenet', resize: 'stretch' }],
    ['one class', pair(1, attention), { activation: 'sigmoid' }],
    ['half precision', pair(92, attention, undefined, 'float16'), { activation: 'softmax' }],
  ] as const)('of %s are normalised as they were trained', (_title, graph, params) => {
    expect(recogniseFamily(graph).best).toMatchObject({ family: 'detr', params });
  });

  it('may leave their number open under several names', () => {
    const outputs = [value('pred_logits', ['l0', 'l1', 92]), value('pred_boxes', ['b0', 'b1', 4])];
    const unfolded = [outputs[0]!, value('pred_boxes', ['b0', 'b1', 'b2'])];
    expect(recogniseFamily(signature(image, unfolded)).best?.family).toBe('detr');
    const masks = value('pred_masks', [1, 100, 'rows', 'columns']);
    expect(recogniseFamily(signature(image, outputs)).best?.family).toBe('detr');
    expect(recogniseFamily(signature(image, [...outputs, masks])).best?.family).toBe('detr-seg');
  });

  it('number COCO’s classes as the exporters do', () => {
    const detr = pair(92, attention);
    expect(families.detr.bind(detr, recogniseFamily(detr).best?.params).classes).toBe(91);
    const deformable = pair(91, { GridSample: 48 });
    expect(families.detr.bind(deformable, recogniseFamily(deformable).best?.params).classes).toBe(91);
  });

  it('are told from SSDs and from suppressed boxes', () => {
    const renamed = ['scores', 'b'];
    expect(recogniseFamily(pair(92, { Softmax: 1 }, renamed)).best?.family).not.toBe('detr');
    const many = signature(image, [value('logits', [1, 8400, 92]), value('pred_boxes', [1, 8400, 4])]);
    expect(recogniseFamily(many).best?.family).not.toBe('detr');
    const unequal = signature(image, [value('logits', [1, 100, 92]), value('pred_boxes', [1, 300, 4])]);
    expect(recogniseFamily(unequal).best).toBeUndefined();
    const suppressed = signature(image, [value('dets', [1, 100, 5]), value('labels', [1, 100], 'int64')]);
    expect(recogniseFamily(suppressed).best?.family).not.toBe('detr');
  });

  it('are of any size at 800 and 1333 pixels where the reference is', () => {
    const open = { ...pair(92, attention), inputs: [value('pixel_values', ['b', 'channels', 'h', 'w'])] };
    expect(families.detr.bind(open, recogniseFamily(open).best?.params).input.resize).toMatchObject({
      mode: 'scale',
      shortest: 800,
      longest: 1333,
    });
  });
});

describe('rows of RT-DETR and of YOLOs end to end', () => {
  const names = "{0: 'a', 1: 'b'}";
  const graph = (about: Partial<Signature>) => signature(image, [value('output0', [1, 300, 6])], about);
  const deformable = { GridSample: 18 };
  const probe = (row: readonly number[]) => ({ input: SIZE, outputs: { output0: logits(300, row) } });
  const [queries, boxes] = [probe([0.5, 0.5, 0.2, 0.2, 0.9, 0.1]), probe([3, 4, 20, 30, 0.9, 1])];

  it('of two classes are told apart by their numbers', () => {
    const either = graph({ metadata: { task: 'detect', names }, operators: deformable });
    expect(recogniseFamily(either).best).toBeUndefined();
    expect(recogniseFamily(either, queries).best?.family).toBe('rtdetr-rows');
    expect(recogniseFamily(either, boxes).best?.family).toBe('yolo-end2end');
    // Corners of a unit square, with a class: of nobody.
    expect(recogniseFamily(either, probe([0.1, 0.1, 0.2, 0.2, 0.9, 1])).best).toBeUndefined();
  });

  it('are told apart by the exporter’s description, and without deformable attention', () => {
    const described = graph({ metadata: { task: 'detect', names, description: 'Ultralytics rtdetr-x model' } });
    expect(recogniseFamily({ ...described, operators: deformable }).best?.family).toBe('rtdetr-rows');
    expect(recogniseFamily(graph({ metadata: { task: 'detect', names } })).best?.family).toBe('yolo-end2end');
  });

  it('are not a YOLOv8 head where there are more classes than queries', () => {
    const many = `{${Array.from({ length: 365 }, (_, i) => `${i}: 'c${i}'`).join(', ')}}`;
    const objects365 = signature(image, [value('output0', [1, 300, 369])], {
      metadata: { task: 'detect', names: many },
      operators: deformable,
    });
    expect(recogniseFamily(objects365).best?.family).toBe('rtdetr-rows');
  });
});

describe('RT-DETR with its post-processing', () => {
  const graph = (about: Partial<Signature> = {}, rows = 300) =>
    signature(
      [...image, value('orig_target_sizes', [1, 2], 'int64')],
      [value('labels', [1, 300], 'int64'), value('boxes', [1, rows, 4]), value('scores', [1, 300])],
      about,
    );

  it('counts its classes by the head’s weights, or not at all', () => {
    const told = graph({ weights: { 'model.decoder.dec_score_head.5.bias': [7] } });
    expect(recogniseFamily(told).best).toMatchObject({ family: 'rtdetr', params: { classes: 7 } });
    expect(recogniseFamily(graph()).best).toMatchObject({ params: { classes: 0, normalization: 'unit' } });
  });

  it('may leave all dimensions open', () => {
    const open = ['labels', 'boxes', 'scores'].map((name, i) => {
      return value(name, i === 1 ? ['b0', 'b1', 'b2'] : [`${name}0`, `${name}1`], i === 0 ? 'int64' : 'float32');
    });
    expect(recogniseFamily({ ...graph(), outputs: open }).best?.family).toBe('rtdetr');
  });

  it('normalises for a vision transformer', () => {
    const named = graph({ weights: { 'model.backbone.dinov3.blocks.0.norm1.weight': [192] } });
    for (const vit of [named, graph({ operators: { Erf: 12 } })]) {
      expect(recogniseFamily(vit).best?.params.normalization).toBe('imagenet');
    }
  });

  it('is not recognised by outputs that do not fit each other', () => {
    expect(recogniseFamily(graph({}, 200)).best).toBeUndefined();
  });
});
