import { detectionOptionsSchema } from '../evaluate/detection-options.ts';
import { segmentationOptionsSchema } from '../evaluate/segmentation.ts';
import { binary, type Json, json, operation, toParameters, toSchema } from './openapi-parts.ts';
import * as responses from './responses.ts';

/** The endpoints that score predictions. */
export function evaluationPaths(): Json {
  const { properties } = toSchema(detectionOptionsSchema) as { properties: Record<string, Json> };
  const truth = { type: 'object', description: 'COCO ground truth: images, annotations, categories' };
  const results = { type: 'array', items: { type: 'object' }, description: 'COCO results array' };
  const baseline = { ...results, description: 'COCO results array to compare the predictions with' };
  const required = ['ground_truth', 'predictions'];
  return {
    '/v1/evaluate/detection': {
      post: {
        ...operation('scoring', 'Score boxes, masks or keypoints as COCO or Pascal VOC does', {
          200: json('The scores; −1 where there is no ground truth', responses.detectionScores),
        }),
        parameters: toParameters(properties),
        requestBody: {
          required: true,
          content: {
            'multipart/form-data': {
              schema: {
                type: 'object',
                required,
                properties: { ground_truth: binary, predictions: binary, baseline: binary, ...properties },
              },
            },
            'application/json': {
              schema: {
                type: 'object',
                required,
                properties: { ground_truth: truth, predictions: results, baseline, ...properties },
              },
            },
          },
        },
      },
    },
    '/v1/evaluate/segmentation': {
      post: {
        ...operation('scoring', 'Score label maps: PNG files, or archives of them, paired by their names', {
          200: json('The scores; −1 where they are not defined', responses.segmentationScores),
        }),
        ...mapFiles((toSchema(segmentationOptionsSchema) as { properties: Record<string, Json> }).properties),
      },
    },
    '/v1/evaluate/panoptic': {
      post: {
        ...operation(
          'scoring',
          'Panoptic quality of COCO panoptic results: on each side one JSON file and its PNG files',
          {
            200: json('The scores of all, things and stuff', responses.panopticScores),
          },
        ),
        ...mapFiles({}),
      },
    },
  };
}

function mapFiles(options: Readonly<Record<string, Json>>): Json {
  const files = { type: 'array', items: binary };
  const properties = { ground_truth: files, predictions: files, ...options };
  const schema = { type: 'object', required: ['ground_truth', 'predictions'], properties };
  return {
    parameters: toParameters(options),
    requestBody: { required: true, content: { 'multipart/form-data': { schema } } },
  };
}
