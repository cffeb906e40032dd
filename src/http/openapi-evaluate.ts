import { detectionOptionsSchema } from '../evaluate/detection-options.ts';
import { binary, type Json, json, operation, toParameters, toSchema } from './openapi-parts.ts';
import * as responses from './responses.ts';

/** The endpoints that score predictions. */
export function evaluationPaths(): Json {
  const { properties } = toSchema(detectionOptionsSchema) as { properties: Record<string, Json> };
  const truth = { type: 'object', description: 'COCO ground truth: images, annotations, categories' };
  const results = { type: 'array', items: { type: 'object' }, description: 'COCO results array' };
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
                properties: { ground_truth: binary, predictions: binary, ...properties },
              },
            },
            'application/json': {
              schema: {
                type: 'object',
                required,
                properties: { ground_truth: truth, predictions: results, ...properties },
              },
            },
          },
        },
      },
    },
  };
}
