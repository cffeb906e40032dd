import { type Request, type Response, Router } from 'express';
import { z } from 'zod';
import type { Engine } from '../../engine.ts';
import { parseDetectionOptions, parseFields } from '../../evaluate/detection-options.ts';
import { segmentationOptionsSchema } from '../../evaluate/segmentation.ts';
import type { ScoringTask } from '../../evaluate/tasks.ts';
import { abandoned } from '../abandoned.ts';
import { admit } from '../admission.ts';
import { readEvaluationForm } from '../evaluation-form.ts';
import { collect } from '../shared-bytes.ts';

export interface EvaluateSettings {
  readonly max_evaluation_bytes: number;
  readonly evaluation_timeout_ms: number;
  readonly max_pixels: number;
}

/** Labels and label maps compress well: what comes out of an archive may be so much larger than a request. */
const UNPACKED = 4;
const MAPS = 'files ‘ground_truth’ and ‘predictions’';
const noOptions = z.strictObject({});

/** POST /evaluate/detection, /evaluate/segmentation and /evaluate/panoptic. */
export function evaluateRoutes(engine: Engine, settings: EvaluateSettings): Router {
  const router = Router();
  const { max_evaluation_bytes: maxBytes } = settings;
  const limits = { maxPixels: settings.max_pixels, maxBytes: UNPACKED * maxBytes };

  const route = (path: string, read: (req: Request, res: Response) => Promise<ScoringTask>) => {
    router.post(`/evaluate/${path}`, admit({ pool: engine.scoring }, maxBytes), async (req, res) => {
      const deadline = Date.now() + settings.evaluation_timeout_ms;
      const signal = abandoned(res);
      const body = await engine.scoring.run(await read(req, res), { signal, deadline });
      res.type('json').send(Buffer.from(body.buffer, body.byteOffset, body.byteLength));
    });
  };

  route('detection', async (req, res) => {
    if (req.is('json')) {
      const bytes = await collect(req, maxBytes);
      return { kind: 'detection-json', body: { name: 'the body', bytes }, fields: { ...req.query } };
    }
    const form = await readEvaluationForm(req, res, { maxBytes, isForDetection: true });
    const { fields, ...files } = form;
    const options = parseDetectionOptions({ ...req.query, ...fields });
    return { kind: 'detection', ...files, options, limits };
  });

  route('segmentation', async (req, res) => {
    const { fields, groundTruth, predictions } = await readEvaluationForm(req, res, { maxBytes });
    const options = parseFields(segmentationOptionsSchema, { ...req.query, ...fields }, MAPS);
    return { kind: 'segmentation', groundTruth, predictions, options, limits };
  });
  route('panoptic', async (req, res) => {
    const { fields, groundTruth, predictions } = await readEvaluationForm(req, res, { maxBytes });
    parseFields(noOptions, { ...req.query, ...fields }, MAPS);
    return { kind: 'panoptic', groundTruth, predictions, limits };
  });
  return router;
}
