import { binaryMask } from './binary-mask.ts';
import { blazeface } from './blazeface.ts';
import { centernet } from './centernet.ts';
import { classification } from './classification.ts';
import { cornernet } from './cornernet.ts';
import { darknet } from './darknet.ts';
import { dbText } from './db-text.ts';
import type { Family } from './define.ts';
import { detr } from './detr.ts';
import { detrSeg } from './detr-seg.ts';
import { duc } from './duc.ts';
import { efficientdet } from './efficientdet.ts';
import { efficientdetRows } from './efficientdet-rows.ts';
import { fasterRcnn } from './faster-rcnn.ts';
import { fastestdet } from './fastestdet.ts';
import { maskRcnn } from './mask-rcnn.ts';
import { mmdet } from './mmdet.ts';
import { mmdetMask } from './mmdet-mask.ts';
import { nanodet } from './nanodet.ts';
import { paddle } from './paddle.ts';
import { rcnn } from './rcnn.ts';
import { retinaface } from './retinaface.ts';
import { retinanet } from './retinanet.ts';
import { rtdetr } from './rtdetr.ts';
import { rtdetrRows } from './rtdetr-rows.ts';
import { semantic } from './semantic.ts';
import { ssd } from './ssd.ts';
import { ssdNms } from './ssd-nms.ts';
import { ssdRaw } from './ssd-raw.ts';
import { tfDetection } from './tf-detection.ts';
import { tfMask } from './tf-mask.ts';
import { torchvision } from './torchvision.ts';
import { torchvisionMask } from './torchvision-mask.ts';
import { ultraface } from './ultraface.ts';
import { yoloEnd2end } from './yolo-end2end.ts';
import { yoloFastest } from './yolo-fastest.ts';
import { yoloNas } from './yolo-nas.ts';
import { yoloNms } from './yolo-nms.ts';
import { yoloSeg } from './yolo-seg.ts';
import { yolov3 } from './yolov3.ts';
import { yolov4 } from './yolov4.ts';
import { yolov5 } from './yolov5.ts';
import { yolov5Raw } from './yolov5-raw.ts';
import { yolov8 } from './yolov8.ts';
import { yolox } from './yolox.ts';
import { yunet } from './yunet.ts';

/** Every family Miru can serve. The names are the ids that model.json writes. */
export const families = {
  darknet,
  paddle,
  yolov4,
  yolov3,
  yolox,
  yolov8,
  'yolo-end2end': yoloEnd2end,
  'yolo-nas': yoloNas,
  'yolo-nms': yoloNms,
  yolov5,
  'yolov5-raw': yolov5Raw,
  'yolo-seg': yoloSeg,
  nanodet,
  centernet,
  cornernet,
  fastestdet,
  'yolo-fastest': yoloFastest,
  ssd,
  'ssd-raw': ssdRaw,
  'ssd-nms': ssdNms,
  'tf-detection': tfDetection,
  'tf-mask': tfMask,
  torchvision,
  'torchvision-mask': torchvisionMask,
  retinanet,
  efficientdet,
  'efficientdet-rows': efficientdetRows,
  rcnn,
  'faster-rcnn': fasterRcnn,
  'mask-rcnn': maskRcnn,
  mmdet,
  'mmdet-mask': mmdetMask,
  detr,
  'detr-seg': detrSeg,
  rtdetr,
  'rtdetr-rows': rtdetrRows,
  ultraface,
  blazeface,
  retinaface,
  yunet,
  semantic,
  duc,
  'binary-mask': binaryMask,
  classification,
  'db-text': dbText,
} as const satisfies Record<string, Family>;

export type FamilyName = keyof typeof families;
