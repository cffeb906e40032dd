import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { providerChoices } from './runtime/provider.ts';

const list = (separator: RegExp) =>
  z.union([z.array(z.string()), z.string().transform((text) => text.split(separator).filter(Boolean))]);
const count = (low: number, high = Number.MAX_SAFE_INTEGER) => z.coerce.number().int().min(low).max(high);
const flag = z.union([z.boolean(), z.stringbool()]);

const ownModels = fileURLToPath(new URL('../models', import.meta.url));
const cores = availableParallelism();
const defaultWorkers = Math.min(cores, 4);

/**
 * Every setting, under one name in three places: `max_pixels` in the configuration file, MAX_PIXELS in the environment,
 * --max-pixels on the command line. The line wins over the environment, the environment over the file.
 */
export const settings = {
  port: count(0, 65535).default(8080).describe('TCP port; 0 picks a free one'),
  host: z.string().min(1).default('127.0.0.1').describe('address to listen on; 0.0.0.0 for every interface'),
  models_dir: list(/:/).default([ownModels]).describe('directories of models, colon-separated'),
  mirror: z
    .url({ protocol: /^https?$/, error: 'expected an http(s) URL' })
    .optional()
    .describe('where `miru models pull` looks first: a web server that has each file as its sha256 with .onnx'),
  default_model: z.string().optional().describe('model that serves requests which name none'),
  preload: list(/,/)
    .default(['default'])
    .describe('models to load before /readyz says yes, comma-separated; "default" for the default detector, "none"'),
  max_loaded_models: count(1).default(8).describe('models kept loaded; the least recently used one goes'),
  provider: z.enum(providerChoices).default('auto').describe('execution provider: auto, cpu, cuda or webgpu'),
  workers: count(1, 256).default(defaultWorkers).describe('worker threads, each with its own sessions'),
  threads: count(1, 256)
    .default(Math.max(1, Math.floor(cores / defaultWorkers)))
    .describe('threads inside one session (CPU provider)'),
  queue_limit: count(1, 100_000).default(128).describe('images that may wait; more are answered 503'),
  request_timeout_ms: count(1).default(30_000).describe('milliseconds before a request is answered 504'),
  shutdown_timeout_ms: count(0).default(20_000).describe('milliseconds that running requests get on SIGTERM'),
  max_upload_bytes: count(1)
    .default(32 * 2 ** 20)
    .describe('largest request with images'),
  max_model_bytes: count(1)
    .default(2 ** 30)
    .describe('largest model that can be uploaded'),
  max_evaluation_bytes: count(1)
    .default(512 * 2 ** 20)
    .describe('largest request with ground truth and predictions to score'),
  evaluation_timeout_ms: count(1).default(600_000).describe('milliseconds before scoring is answered 504'),
  evaluation_threads: count(1, 64).default(1).describe('requests that are scored at once; more of them wait'),
  data_dir: z
    .string()
    .min(1)
    .optional()
    .describe('folder whose data sets /v1/evaluations may name; none: uploads only'),
  state_dir: z
    .string()
    .min(1)
    .optional()
    .describe('folder for evaluations and their results, of one server; none: they go with the server'),
  evaluation_jobs: count(1, 64).default(1).describe('evaluations of models that run at once; more of them wait'),
  max_evaluations: count(1, 100_000).default(100).describe('evaluations that are kept until someone deletes them'),
  max_dataset_bytes: count(1)
    .default(2 * 2 ** 30)
    .describe('largest request with ground truth and images to run a model on'),
  max_images: count(1, 1000).default(32).describe('images in one request'),
  max_pixels: count(1).default(64_000_000).describe('width times height of the largest image'),
  allow_url_input: flag.default(false).describe('accept http(s) URLs of images; private addresses stay out of reach'),
  api_keys: list(/,/).default([]).describe('keys that /v1 asks for (Bearer or X-API-Key), comma-separated; none: open'),
  log_level: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'silent']).default('info').describe('log level'),
} as const;

const schema = z.strictObject(settings);
export type Config = Readonly<z.output<typeof schema>>;
export type SettingName = keyof typeof settings;
export const settingNames = Object.keys(settings) as SettingName[];

export function environmentName(name: SettingName): string {
  return name.toUpperCase();
}

export function flagName(name: SettingName): string {
  return `--${name.replaceAll('_', '-')}`;
}

/**
 * Reads the settings.
 * @param flags values from the command line, by setting name.
 * @param file path of a JSON configuration file.
 * @throws Error naming the setting and what was expected.
 */
export function loadConfig(
  environment: Readonly<Record<string, string | undefined>>,
  flags: Readonly<Record<string, unknown>> = {},
  file: string | undefined = environment.MIRU_CONFIG,
): Config {
  const fromFile: Record<string, unknown> = file ? JSON.parse(readFileSync(file, 'utf8')) : {};
  const merged: Record<string, unknown> = { ...fromFile };
  for (const name of settingNames) {
    const value = flags[name] ?? environment[environmentName(name)];
    // An empty variable is what shells and compose files leave where nothing was set.
    if (value !== undefined && value !== '') merged[name] = value;
  }
  const parsed = schema.safeParse(merged);
  if (parsed.success) return Object.freeze(parsed.data);
  const [issue] = parsed.error.issues;
  throw new Error(`setting ${issue?.path.join('.') ?? ''}: ${issue?.message}`);
}
