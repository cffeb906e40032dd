import express, { Router } from 'express';
import { absolutePath } from 'swagger-ui-dist';
import { openApiDocument } from '../openapi.ts';

/** GET /openapi.json and /docs. Swagger UI comes from node_modules: the page works without the internet. */
export function docsRoutes(): Router {
  const router = Router();
  const document = openApiDocument();
  router.get('/openapi.json', (_req, res) => {
    res.json(document);
  });
  router.get('/', (_req, res) => {
    res.redirect('/docs/');
  });
  router.get('/docs/init.js', (_req, res) => {
    res.type('js').send(script);
  });
  router.get('/docs', (req, res) => {
    // Relative links need the slash.
    if (req.originalUrl.endsWith('/')) res.type('html').send(page);
    else res.redirect('/docs/');
  });
  router.use('/docs', express.static(absolutePath(), { index: false }));
  return router;
}

const page = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Miru: HTTP API</title>
<link rel="icon" href="favicon-32x32.png">
<link rel="stylesheet" href="swagger-ui.css">
<div id="api"></div>
<script src="swagger-ui-bundle.js"></script>
<script src="init.js"></script>
</html>
`;

const script = `SwaggerUIBundle({ url: '../openapi.json', dom_id: '#api', deepLinking: true, tryItOutEnabled: true });
`;
