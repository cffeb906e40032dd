import { z } from 'zod';
import { manifestSchema } from '../catalog/manifest.ts';
import { iouRequestSchema } from '../iou-request.ts';
import { endpoints } from '../predict-api.ts';
import { evaluationPaths } from './openapi-evaluate.ts';
import { jobPaths } from './openapi-evaluations.ts';
import { binary, type Json, json, operation, toParameters, toSchema } from './openapi-parts.ts';
import { predictOptionsSchema } from './options.ts';
import * as responses from './responses.ts';

/** The OpenAPI 3.1 document, from the same schemas that check the requests. */
export function openApiDocument(): Json {
  return {
    openapi: '3.1.0',
    info: {
      title: 'Miru',
      version: '1',
      description:
        'Detection and segmentation with ONNX models. Coordinates are pixels of the image as a person sees it.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    security: [{}, { bearer: [] }, { apiKey: [] }],
    paths: {
      ...Object.fromEntries(Object.keys(endpoints).map((name) => [`/v1/${name}`, { post: predictOperation(name) }])),
      '/v1/models': {
        get: operation('models', 'List the models', { 200: json('The models', responses.modelList) }),
        post: {
          ...operation('models', 'Add a model', { 201: json('The model', responses.modelDetail) }),
          ...modelUpload(),
        },
      },
      '/v1/models/{id}': {
        parameters: [modelId],
        get: operation('models', 'Everything known of a model', { 200: json('The model', responses.modelDetail) }),
        delete: operation('models', 'Remove a model and its files', { 204: { description: 'Removed' } }),
      },
      '/v1/models/{id}/load': { parameters: [modelId], post: modelAction('Load a model, or load its files again') },
      '/v1/models/{id}/unload': { parameters: [modelId], post: modelAction('Unload a model') },
      '/v1/iou': {
        post: {
          ...operation('scoring', 'IoU of every box or mask of a with every one of b', {
            200: json('One row for each of a', responses.iou),
          }),
          requestBody: { required: true, content: { 'application/json': { schema: toSchema(iouRequestSchema) } } },
        },
      },
      ...evaluationPaths(),
      ...jobPaths(),
      '/healthz': {
        get: operation('running', 'The process is alive', {
          200: json('Alive', z.object({ status: z.literal('ok') })),
        }),
      },
      '/readyz': {
        get: operation('running', 'The models that must be loaded are', {
          200: json('Ready', responses.readiness),
          503: json('Not yet', responses.readiness),
        }),
      },
      '/metrics': {
        get: operation('running', 'Prometheus metrics', {
          200: { description: 'Text exposition format', content: { 'text/plain': {} } },
        }),
      },
    },
    components: {
      schemas: { Problem: toSchema(responses.problem) },
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer' },
        apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key' },
      },
    },
  };
}

const summaries: Record<keyof typeof endpoints, string> = {
  detect: 'Find objects: boxes, and masks where the model has them',
  segment: 'Find masks: of objects, or a class for every pixel',
  classify: 'Name what the picture shows',
  predict: 'Whatever the model does',
};

function predictOperation(name: string): Json {
  const options = toSchema(predictOptionsSchema) as { properties: Record<string, Json> };
  const image = { oneOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' } }] };
  return {
    ...operation('predictions', summaries[name as keyof typeof endpoints], {
      200: {
        description: 'What was found',
        content: {
          'application/json': { schema: toSchema(responses.prediction) },
          ...Object.fromEntries(['image/png', 'image/jpeg', 'image/webp'].map((type) => [type, { schema: binary }])),
        },
      },
    }),
    parameters: toParameters(options.properties),
    requestBody: {
      required: true,
      content: {
        'multipart/form-data': {
          schema: {
            type: 'object',
            required: ['image'],
            properties: { image: { type: 'array', items: binary }, ...options.properties },
          },
        },
        'image/*': { schema: binary },
        'application/json': {
          schema: {
            type: 'object',
            description: 'Base64, data URIs, or (where switched on) http(s) URLs',
            properties: { image, images: { type: 'array', items: { type: 'string' } }, ...options.properties },
          },
        },
      },
    },
  };
}

function modelUpload(): Json {
  const properties = {
    file: { type: 'string', contentMediaType: 'application/octet-stream', description: 'The ONNX graph' },
    id: { type: 'string', description: "Absent: from the file's name" },
    labels: { type: 'string', description: 'JSON array, or one name per line' },
    manifest: {
      type: 'string',
      contentMediaType: 'application/json',
      contentSchema: toSchema(manifestSchema),
      description: 'model.json',
    },
  };
  return {
    requestBody: {
      required: true,
      content: { 'multipart/form-data': { schema: { type: 'object', required: ['file'], properties } } },
    },
  };
}

const modelId = { name: 'id', in: 'path', required: true, schema: { type: 'string' } };

function modelAction(summary: string): Json {
  return operation('models', summary, { 200: json('The model', responses.modelDetail) });
}
