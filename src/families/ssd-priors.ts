import type { InputSpec } from '../vision/input-spec.ts';
import type { PriorLevel } from '../vision/priors.ts';

/** Pixels as SSDs of PyTorch take them, in RGB order. */
export const ssdNormalizations = {
  /** Means of Caffe's VGG: MEANS of amdegroot/ssd.pytorch, data/config.py. */
  vgg: { mean: [123, 117, 104], std: [1, 1, 1] },
  /** qfgaohao/pytorch-ssd: vision/ssd/config/mobilenetv1_ssd_config.py. */
  mobilenet: { mean: [127, 127, 127], std: [128, 128, 128] },
} as const satisfies Record<string, Pick<InputSpec, 'mean' | 'std'>>;

interface KnownPriors {
  readonly title: string;
  /** Of the square input. */
  readonly side: number;
  /** Of the scores, where other data sets have as many priors of other sizes. */
  readonly columns?: number;
  readonly priors: PriorLevel[];
  readonly normalization: keyof typeof ssdNormalizations;
}

const VGG_STRIDES = [8, 16, 32, 64, 100, 300];
const VGG_RATIOS = [[2], [2, 3], [2, 3], [2, 3], [2], [2]];
const MOBILENET_STRIDES = [16, 32, 64, 100, 150, 300];

/** Published priors, told by their number, and by the classes where two have as many. */
export const knownPriors: readonly KnownPriors[] = [
  {
    title: 'SSD300 on VOC',
    side: 300,
    columns: 21,
    priors: levels(VGG_STRIDES, [30, 60, 111, 162, 213, 264, 315], (k) => VGG_RATIOS[k]!),
    normalization: 'vgg',
  },
  {
    title: 'SSD300 on COCO',
    side: 300,
    columns: 81,
    priors: levels(VGG_STRIDES, [21, 45, 99, 153, 207, 261, 315], (k) => VGG_RATIOS[k]!),
    normalization: 'vgg',
  },
  {
    title: 'MobileNet-SSD of PyTorch',
    side: 300,
    priors: levels(MOBILENET_STRIDES, [60, 105, 150, 195, 240, 285, 330], () => [2, 3]),
    normalization: 'mobilenet',
  },
];

/** A square as large as the level's edge, one between it and the next level's edge, and boxes of other shapes. */
function levels(strides: readonly number[], edges: readonly number[], ratios: (k: number) => number[]): PriorLevel[] {
  return strides.map((stride, k) => ({
    stride,
    sizes: [edges[k]!, Math.sqrt(edges[k]! * edges[k + 1]!)],
    ratios: ratios(k),
  }));
}
