import { formatResult, type Prediction } from './format-result.ts';
import type { ResultFormat } from './plan-output.ts';

/** Turns the answers for single images into one text, bit by bit. */
export interface ResultWriter {
  /** @param name what the image is called. @param body the answer for it. */
  readonly add: (name: string, body: Uint8Array) => string;
  /** @param elapsedMs since the first image. */
  readonly end: (elapsedMs: number) => string;
}

export const resultWriters: Record<ResultFormat, () => ResultWriter> = {
  table() {
    let separator = '';
    return {
      add(name, body) {
        const text = separator + parse(name, body).results.map(formatResult).join('\n');
        separator = '\n';
        return text;
      },
      end: () => '',
    };
  },

  /** The document that the HTTP API gives for all the images at once. */
  json() {
    let first: Prediction | undefined;
    const timing: Record<string, number> = {};
    return {
      add(name, body) {
        const document = parse(name, body);
        for (const [stage, ms] of Object.entries(document.timing)) timing[stage] = (timing[stage] ?? 0) + ms;
        const results = document.results.map((result) => JSON.stringify(result)).join(',\n');
        if (first) return `,\n${results}`;
        first = document;
        return `${head(document.model, document.task)}\n${results}`;
      },
      end(elapsedMs) {
        const rounded = Object.entries({ ...timing, total_ms: elapsedMs }).map(([k, v]) => [k, Number(v.toFixed(2))]);
        const tail = `\n],"timing":${JSON.stringify(Object.fromEntries(rounded))}}\n`;
        return first ? tail : head(null, null) + tail;
      },
    };
  },

  /** One array with the results of every image. */
  coco() {
    let separator = '[\n';
    return {
      add(_name, body) {
        const elements: unknown[] = JSON.parse(Buffer.from(body).toString());
        if (elements.length === 0) return '';
        const text = separator + elements.map((element) => JSON.stringify(element)).join(',\n');
        separator = ',\n';
        return text;
      },
      end: () => (separator === ',\n' ? '\n]\n' : '[]\n'),
    };
  },
};

function head(model: string | null, task: string | null): string {
  return `{"model":${JSON.stringify(model)},"task":${JSON.stringify(task)},"results":[`;
}

/** The answer names an image by its file name; here it gets the path, which tells images of several folders apart. */
function parse(name: string, body: Uint8Array): Prediction {
  const document: Prediction = JSON.parse(Buffer.from(body).toString());
  return { ...document, results: document.results.map((r) => ({ ...r, image: { ...r.image, name } })) };
}
