import http from 'node:http';

/** A keep-alive client of one server: `post` and `get` resolve with status, headers and milliseconds. */
export function createClient(url, connections) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: connections });
  const request = (method, path, headers, body) =>
    new Promise((resolve, reject) => {
      const started = performance.now();
      const req = http.request(new URL(path, url), { agent, method, headers }, (res) => {
        const chunks = [];
        res.on('data', (chunk) => chunks.push(chunk));
        res.on('end', () =>
          resolve({
            status: res.statusCode,
            headers: res.headers,
            body: Buffer.concat(chunks),
            ms: performance.now() - started,
          }),
        );
        res.on('error', reject);
      });
      req.on('error', reject);
      req.end(body);
    });
  return {
    get: (path) => request('GET', path, {}),
    post: (path, type, body) => request('POST', path, { 'content-type': type, 'content-length': body.length }, body),
    close: () => agent.destroy(),
  };
}

/** Runs `clients` loops of `once` for `seconds`; returns every result and the time it really took. */
export async function saturate(clients, seconds, once) {
  const results = [];
  const started = performance.now();
  const until = started + seconds * 1000;
  const loop = async () => {
    while (performance.now() < until) results.push(await once());
  };
  await Promise.all(Array.from({ length: clients }, loop));
  return { results, seconds: (performance.now() - started) / 1000 };
}

export function percentile(values, fraction) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * fraction))] ?? Number.NaN;
}
