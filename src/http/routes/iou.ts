import { Router } from 'express';
import type { Engine } from '../../engine.ts';
import { AppError } from '../../errors.ts';
import { collect } from '../shared-bytes.ts';

/** POST /iou. */
export function iouRoutes(engine: Engine, settings: { readonly max_upload_bytes: number }): Router {
  const router = Router();
  router.post('/iou', async (req, res) => {
    if (!req.is('json')) throw new AppError('unsupported_media_type', 'expected Content-Type: application/json');
    const body = await engine.iou(await collect(req, settings.max_upload_bytes));
    res.type('json').send(Buffer.from(body.buffer, body.byteOffset, body.byteLength));
  });
  return router;
}
