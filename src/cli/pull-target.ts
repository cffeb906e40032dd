import { basename } from 'node:path';
import type { Manifest } from '../catalog/manifest.ts';
import { modelIdPattern } from '../catalog/scan.ts';
import { manifestOfUpload, toModelId } from '../catalog/store.ts';
import { entryNamed, manifestOf } from '../registry/index.ts';
import { usage } from './failure.ts';

/** What the command line says of it. */
export interface PullRequest {
  readonly id: string | undefined;
  readonly sha256: string | undefined;
  /** Texts of a model.json and of a list of names. */
  readonly manifest: string | undefined;
  readonly labels: string | undefined;
  readonly mirror: string | undefined;
}

/** What is to be fetched, from where, and what it is to be called. */
export interface PullTarget {
  readonly id: string;
  readonly title: string | undefined;
  readonly license: string | undefined;
  /** The best place first. */
  readonly urls: readonly string[];
  readonly sha256: string;
  readonly bytes: number | undefined;
  readonly manifest: Manifest;
}

/**
 * @param name a name of the registry, or a URL, which needs a `sha256`.
 * @throws CommandError or AppError where it is neither.
 */
export function targetOf(name: string, request: PullRequest): PullTarget {
  const { id, mirror } = request;
  if (id !== undefined && !modelIdPattern.test(id)) {
    throw usage(`--id: expected letters, digits, . _ and -, got ${id}`);
  }
  const target = /^https?:\/\//i.test(name) ? ofUrl(name, request) : ofName(name, request);
  const own = manifestOfUpload(request.manifest, request.labels);
  const { license = target.license } = own;
  const mirrored = mirror === undefined ? [] : [`${mirror.replace(/\/+$/, '')}/${target.sha256}.onnx`];
  return {
    ...target,
    license,
    urls: [...mirrored, ...target.urls],
    manifest: { ...target.manifest, ...own, sha256: target.sha256 },
  };
}

function ofName(name: string, { id, sha256: given }: PullRequest): PullTarget {
  if (/^npm:|\.json$/i.test(name)) throw usage(`${name} has to be converted: miru models import ${name}`);
  if (/\.onnx$/i.test(name)) throw usage(`${name} is a file already: miru models add ${name}`);
  if (given !== undefined) throw usage('--sha256 is for URLs; that of a named model is known');
  const entry = entryNamed(name);
  const { title, urls, bytes, sha256 } = entry;
  const license = `${entry.license}, ${entry.terms}`;
  return { id: id ?? entry.name, title, license, urls, bytes, sha256, manifest: manifestOf(entry) };
}

function ofUrl(url: string, { id: name, sha256: given }: PullRequest): PullTarget {
  if (!URL.canParse(url)) throw usage(`${url} is no URL`);
  const sha256 = given?.toLowerCase();
  if (sha256 === undefined) throw usage('a URL needs --sha256, so that its bytes can be checked');
  if (!/^[0-9a-f]{64}$/.test(sha256)) throw usage(`--sha256: expected 64 hexadecimal digits, got ${given}`);
  const id = name ?? toModelId(basename(new URL(url).pathname));
  const manifest = { source: url, sha256 };
  return { id, title: undefined, license: undefined, urls: [url], bytes: undefined, sha256, manifest };
}
