import { z } from 'zod';
import { detectionOptionsSchema } from '../evaluate/detection-options.ts';
import { jobRecordSchema } from '../evaluations/types.ts';
import { binary, type Json, json, operation, toSchema } from './openapi-parts.ts';
import { detectionScores, problem } from './responses.ts';

const job = jobRecordSchema.extend({ error: problem.optional() });
const jobWithResult = job.extend({ result: detectionScores.optional() });

const id = { name: 'id', in: 'path', required: true, schema: { type: 'string', format: 'uuid' } };

/** The endpoints that run a model on a data set. */
export function jobPaths(): Json {
  const { properties } = toSchema(detectionOptionsSchema) as { properties: Json };
  const model = { type: 'string', description: 'Model id; absent: the default detector' };
  const path = (description: string) => ({ type: 'string', description });
  return {
    '/v1/evaluations': {
      get: operation('scoring', 'List the evaluations of models', {
        200: json('Oldest first', z.object({ evaluations: z.array(job) })),
      }),
      post: {
        ...operation('scoring', 'Run a model on a labelled data set and score it', {
          202: { ...json('It waits or runs', job), headers: { Location: { schema: { type: 'string' } } } },
        }),
        requestBody: {
          required: true,
          content: {
            'multipart/form-data': {
              schema: {
                type: 'object',
                required: ['ground_truth', 'images'],
                properties: {
                  model,
                  ground_truth: { ...binary, description: 'What is really there' },
                  images: { ...binary, description: 'Zip archive of the images' },
                  ...properties,
                },
              },
            },
            'application/json': {
              schema: {
                type: 'object',
                description: 'A data set in the folder of the setting DATA_DIR: `data`, or `ground_truth` and `images`',
                properties: {
                  model,
                  data: path('Folder with one JSON file, and the images beside it or in its folder images'),
                  ground_truth: path('File'),
                  images: path('Folder; absent: images beside the ground truth, or in images beside it'),
                  ...properties,
                },
              },
            },
          },
        },
      },
    },
    '/v1/evaluations/{id}': {
      parameters: [id],
      get: operation('scoring', 'How far an evaluation is, and its scores when it is done', {
        200: json('The evaluation', jobWithResult),
      }),
      delete: operation('scoring', 'Cancel an evaluation, or delete one that has ended with all that is kept of it', {
        200: json('Cancelled', job),
        204: { description: 'Deleted' },
      }),
    },
    '/v1/evaluations/{id}/events': {
      parameters: [id],
      get: operation('scoring', 'Follow an evaluation: events progress, and end when it has ended', {
        200: {
          description: 'Each event carries the evaluation without its result',
          content: { 'text/event-stream': {} },
        },
        204: { description: 'The client has seen the end (Last-Event-ID)' },
      }),
    },
    '/v1/evaluations/{id}/predictions': {
      parameters: [id],
      get: operation('scoring', 'What the model found: a COCO results array', {
        200: {
          description: 'The predictions',
          content: { 'application/json': { schema: { type: 'array', items: { type: 'object' } } } },
        },
      }),
    },
    '/v1/evaluations/{id}/report': {
      parameters: [id],
      get: operation('scoring', 'The scores as a page', {
        200: { description: 'One self-contained page', content: { 'text/html': {} } },
      }),
    },
  };
}
