import { describe, expect, it } from 'vitest';
import { families } from '../../src/families/index.ts';
import { recogniseFamily } from '../../src/families/recognise.ts';
import { readSignature } from '../../src/onnx/read-signature.ts';
import type { Signature } from '../../src/vision/signature.ts';
import { sharedPath } from '../helpers/shared.ts';
import { signature, value } from './fixture.ts';

const image = (side: number) => [value('images', [1, 3, side, side])];

describe('recogniseFamily', () => {
  it('sorts alternatives and keeps below one half to itself', () => {
    const { best, alternatives } = recogniseFamily(signature(image(640), [value('output', [1, 8400, 85])]));
    expect(best).toBeUndefined();
    expect(alternatives.map((a) => a.family)).toEqual(['yolox', 'yolov5', 'nanodet']);
  });

  it('reads the first of segmentation heads that are alike, if their names tell it', () => {
    const heads = (names: readonly string[], classes: number) =>
      signature(
        image(320),
        names.map((name) => value(name, [1, classes, 320, 320])),
        { operators: { Sigmoid: 7 } },
      );
    expect(recogniseFamily(heads(['y', 'x'], 21)).best).toBeUndefined();
    expect(recogniseFamily(heads(['aux', 'out'], 21)).best?.family).toBe('semantic');
    expect(recogniseFamily(heads(['d6', 'd5', 'd4', 'd3', 'd2', 'd1', 'd0'], 4)).best?.family).toBe('semantic');
    expect(recogniseFamily(heads(['1965', '1960', '1959', '1961', '1962', '1963', '1964'], 1)).best?.family).toBe(
      'binary-mask',
    );
    expect(recogniseFamily(heads(['a', 'b', 'c', 'd', 'e', 'f', 'g'], 1)).best).toBeUndefined();
  });

  it('does not take a map that lies on its side', () => {
    const graph = (dims: readonly number[]) =>
      signature([value('x', [1, 3, 512, 1024])], [value('map', dims, 'int64')]);
    expect(recogniseFamily(graph([1, 512, 1024])).best?.family).toBe('semantic');
    expect(recogniseFamily(graph([1, 1024, 512])).best).toBeUndefined();
  });

  it('leaves a graph alone that has nothing to do with pictures', () => {
    expect(recogniseFamily(signature([], []))).toEqual({ alternatives: [] });
    expect(recogniseFamily(signature([value('ids', [1, 77], 'int64')], [value('x', [1, 1000])]))).toEqual({
      alternatives: [],
    });
  });

  it('does not serve YOLOv6 as YOLOX, whose shape it has', () => {
    const yolov6 = signature(image(640), [value('outputs', [1, 8400, 85])], {
      operators: { Sigmoid: 9, Sub: 2, Add: 4 },
    });
    expect(recogniseFamily(yolov6).best).toBeUndefined();
  });

  it('tells NanoDet-Plus from YOLOX of four levels by COCO’s columns alone', () => {
    const graph = (columns: number) =>
      signature(image(416), [value('output', [1, 3598, columns])], { operators: { Sigmoid: 20 } });
    expect(recogniseFamily(graph(112)).best).toMatchObject({ family: 'nanodet', params: { cellOffset: 0 } });
    expect(recogniseFamily(graph(85)).best).toMatchObject({ family: 'yolox', params: { strides: [8, 16, 32, 64] } });
    expect(recogniseFamily(graph(60)).best).toBeUndefined();
  });

  it('does not serve YOLOv5, three rows for each cell, as YOLOX', () => {
    const yolov5 = signature(image(640), [value('output0', [1, 25200, 85])], { operators: { Sigmoid: 60 } });
    expect(recogniseFamily(yolov5).best?.family).toBe('yolov5');
    const nobodys = signature(image(640), [value('output0', [1, 25201, 85])], { operators: { Sigmoid: 60 } });
    expect(recogniseFamily(nobodys).best).toBeUndefined();
  });

  it('does not serve other tasks, nor rows that nobody explains, as YOLOv8', () => {
    const pose = signature(image(640), [value('output0', [1, 56, 8400])], { metadata: { task: 'pose' } });
    const depth = signature(image(640), [value('output0', [1, 56, 8400])], { metadata: { task: 'depth' } });
    const unnamedPose = signature(image(640), [value('output0', [1, 56, 8400])]);
    for (const other of [pose, depth, unnamedPose]) expect(recogniseFamily(other).best).toBeUndefined();
  });

  it('does not guess the order of coordinates', () => {
    const ssd = signature(image(300), [value('scores', [1, 3000, 21]), value('boxes', [1, 3000, 4])], {
      operators: { Softmax: 1, Exp: 1 },
    });
    expect(recogniseFamily(ssd).best).toBeUndefined();
    expect(recogniseFamily(ssd).alternatives[0]?.family).toBe('ssd');
  });

  it('does not take pictures, depth or flow for segmentation', () => {
    for (const output of [
      [1, 3, 512, 512],
      [1, 1, 512, 512],
      [1, 2, 512, 512],
    ]) {
      expect(recogniseFamily(signature(image(512), [value('y', output)])).best, String(output)).toBeUndefined();
    }
  });

  it('does not take an embedding for a classification', () => {
    expect(recogniseFamily(signature(image(224), [value('embedding', [1, 512])])).best).toBeUndefined();
  });

  it('takes a sigmoid for a probability at the end of a graph alone', () => {
    const graph = (last: string) =>
      signature(image(256), [value('mask', [1, 1, 256, 256])], {
        operators: { Sigmoid: 40, Resize: 5, Concat: 5 },
        lastOperators: { mask: last },
      });
    expect(recogniseFamily(graph('Sigmoid')).best?.params).toMatchObject({ normalization: 'unit' });
    expect(recogniseFamily(graph('Conv')).best?.params).toMatchObject({ logits: true });
    expect(recogniseFamily({ ...graph('Conv'), operators: { Sigmoid: 40 } }).best).toBeUndefined();
  });

  it('normalises pixels as segmenters of several makers do', () => {
    const masks = (side: number, about: Partial<Signature>) =>
      recogniseFamily(
        signature(image(side), [value('y', [1, 1, side, side])], { lastOperators: { y: 'Sigmoid' }, ...about }),
      ).best?.params;
    expect(masks(320, { operators: { MaxPool: 33 } })).toMatchObject({ normalization: 'imagenet', rescale: true });
    expect(masks(1024, { operators: { MaxPool: 33 } })).toMatchObject({ normalization: 'centered', rescale: true });
    expect(masks(1024, { operators: { MaxPool: 4 } })).toEqual({ normalization: 'unit' });
    const pretrained = { weights: { 'segmentation_head.0.weight': [1, 16, 3, 3] } };
    expect(masks(320, pretrained)).toEqual({ normalization: 'imagenet' });
    const scores = (about: Partial<Signature>) =>
      recogniseFamily(signature(image(320), [value('y', [1, 4, 320, 320])], about)).best?.params?.normalization;
    const unet = { Resize: 4, Concat: 4 };
    expect(scores({ operators: unet })).toBe('unit');
    expect(scores({ operators: unet, ...pretrained })).toBe('imagenet');
    expect(scores({ operators: unet, producer: 'PaddlePaddle 1.0' })).toBe('symmetric');
  });

  it('reads Ultralytics’ semantic exports by their metadata', () => {
    const graph = (names: string, dims = [1, 64, 64]) =>
      signature(image(64), [value('output0', dims, dims.length === 3 ? 'uint8' : 'float32')], {
        metadata: { task: 'semantic', names, imgsz: '[64, 64]' },
      });
    const classesOf = (names: string, dims?: number[]) => {
      const { best } = recogniseFamily(graph(names, dims));
      return best && families.semantic.bind(graph(names, dims), best.params).classes;
    };
    const three = "{0: 'road', 1: 'sky', 2: 'tree'}";
    const { best } = recogniseFamily(graph(three));
    expect(best?.family).toBe('semantic');
    expect(families.semantic.bind(graph(three), best?.params).input).toMatchObject({
      std: [255, 255, 255],
      pad: 114,
      resize: { mode: 'letterbox', anchor: 'center' },
    });
    expect(classesOf(three, [1, 3, 64, 64])).toBe(3);
    // One class is told from a background without a name.
    expect(classesOf("{0: 'crack'}")).toEqual(['background', 'crack']);
    expect(classesOf('')).toBeUndefined();
    expect(classesOf(three, [1, 4, 64, 64])).toBeUndefined();
  });

  it('brings pictures to the size that each reference of a dynamic graph does', () => {
    const resizeOf = (family: 'semantic' | 'binary-mask', name: string, params = {}, operators = {}) => {
      const graph = signature([value(name, [1, 3, null, null])], [value('y', [1, 1, null, null])], { operators });
      return families[family].bind(graph, params).input.resize;
    };
    expect(resizeOf('semantic', 'input')).toMatchObject({ mode: 'limit', shortest: 520 });
    expect(resizeOf('semantic', 'pixel_values')).toEqual({ mode: 'stretch', width: 512, height: 512 });
    expect(resizeOf('semantic', 'ImageTensor:0')).toMatchObject({ mode: 'scale', longest: 513, multiple: 1 });
    expect(resizeOf('binary-mask', 'input', { rescale: true })).toEqual({ mode: 'stretch', width: 1024, height: 1024 });
    const norms = { BatchNormalization: 16, InstanceNormalization: 16 };
    expect(resizeOf('binary-mask', 'input', {}, norms)).toMatchObject({ mode: 'limit', shortest: 512 });
  });

  it('reads torchvision’s output named out, and TensorFlow’s convention of pixels', () => {
    const fcn = signature(image(520), [value('aux', [1, 21, 520, 520]), value('out', [1, 21, 520, 520])]);
    expect(recogniseFamily(fcn).best).toMatchObject({ family: 'semantic', params: { normalization: 'imagenet' } });
    const keras = signature([value('x', [1, 224, 224, 3])], [value('y', [1, 1000])], { producer: 'tf2onnx' });
    const { best } = recogniseFamily(keras);
    expect(best).toMatchObject({ family: 'classification', params: { normalization: 'symmetric' } });
    expect(families.classification.bind(keras, best?.params).input).toMatchObject({
      layout: 'nhwc',
      mean: [127.5, 127.5, 127.5],
      std: [127.5, 127.5, 127.5],
    });
  });

  it('feeds a graph of any size with the family’s own', () => {
    const dynamic = signature([value('images', ['batch', 3, 'height', 'width'])], [value('output0', ['b', 84, 'n'])], {
      metadata: { task: 'detect', imgsz: '[320, 320]', stride: '64' },
    });
    const { best } = recogniseFamily(dynamic);
    expect(best?.family).toBe('yolov8');
    expect(families.yolov8.bind(dynamic, best?.params).input.resize).toEqual({
      mode: 'scale',
      longest: 320,
      multiple: 64,
      anchor: 'center',
      enlarge: true,
    });
  });

  it('normalises pixels as the configurations of MMDetection’s heads do, and asks where no head tells', () => {
    const graph = (weights: Readonly<Record<string, readonly number[]>>, side: number | null) =>
      signature(
        [value('input', [1, 3, side, side])],
        [value('dets', [1, null, 5]), value('labels', [1, null], 'int64')],
        { weights },
      );
    const centerness = { 'bbox_head.conv_centerness.bias': [1] };
    for (const [weights, classes, color, mean] of [
      [{ 'roi_head.bbox_head.fc_cls.bias': [81] }, 80, 'rgb', 123.675],
      [{ 'bbox_head.rtm_cls.0.bias': [80] }, 80, 'bgr', 103.53],
      [{ 'bbox_head.multi_level_conv_cls.0.bias': [7] }, 7, 'bgr', 0],
      [{ 'bbox_head.conv_cls.bias': [20], ...centerness }, 20, 'bgr', 102.9801],
      [{ 'bbox_head.conv_cls.bias': [20] }, 20, 'rgb', 123.675],
    ] as const) {
      const read = graph(weights, 640);
      const { best } = recogniseFamily(read);
      expect(best?.family).toBe('mmdet');
      const bound = families.mmdet.bind(read, best?.params);
      expect(bound.classes).toBe(classes);
      expect(bound.input.color).toBe(color);
      expect(bound.input.mean[0]).toBe(mean);
    }
    expect(recogniseFamily(graph({}, 640)).best).toBeUndefined();
    expect(recogniseFamily(graph({ 'bbox_head.cls_convs.0.0.bias': [84] }, null)).best).toBeUndefined();
  });

  it('refuses to bind to a graph that takes no picture', () => {
    for (const family of Object.values(families)) {
      expect(() => family.bind(signature([value('x', [1, 10])], []), {})).toThrow(
        /takes no picture.*x float32\[1,10\]/,
      );
    }
  });
});

const weights = sharedPath('weights');
describe.skipIf(!weights)('bare files (needs the reference weights)', () => {
  it.each([
    ['yolox-nano-coco', 'yolox', 80],
    ['nanodet-m-coco', 'nanodet', 80],
    ['nanodet-g-coco', 'nanodet', 80],
    ['centernet-mobilenetv3-coco', 'centernet', 80],
    ['yolov8n-int8-320-coco', 'yolov8', 80],
    ['fastestdet-coco', 'fastestdet', 80],
    ['ssd-mobilenet-v1-coco', 'ssd', 90],
    ['ultraface-rfb-320', 'ultraface', ['face']],
    ['ultraface-rfb-320-raw', 'ultraface', ['face']],
    ['blazeface-back-256', 'blazeface', ['face']],
    ['deeplabv3-mobilenetv2-voc', 'semantic', 21],
    ['deeplab-edgetpu-cityscapes', 'semantic', 19],
    ['selfie-segmentation', 'binary-mask', ['background', 'foreground']],
    ['mobilenet-v2-imagenet', 'classification', 1001],
    ['pp-ocrv4-det', 'db-text', ['text']],
  ] as const)('%s is of family %s', async (file, family, classes) => {
    const read = await readSignature(`${weights}/${file}.onnx`);
    const { best, alternatives } = recogniseFamily(read);
    expect(best?.family).toBe(family);
    expect(families[family].bind(read, best?.params).classes).toEqual(classes);
    expect(alternatives.every((a) => a.confidence <= 0.5)).toBe(true);
  });
});
