import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { z } from 'zod';
import { AppError, messageOf } from '../errors.ts';
import type { BoundFamily, Family } from '../families/define.ts';
import { type FamilyName, families } from '../families/index.ts';
import { type LabelSource, type Labels, labelsFor } from '../families/labels.ts';
import { type Candidate, recogniseFamily } from '../families/recognise.ts';
import { readSignature } from '../onnx/read-signature.ts';
import { type InputSpec, inputSpecSchema } from '../vision/input-spec.ts';
import { formatValue, type Signature } from '../vision/signature.ts';
import type { Task } from '../vision/types.ts';
import { describeIssues, type Manifest } from './manifest.ts';

/** Everything Miru knows of a model before it is loaded: plain data, the same in every thread. */
export interface ModelDescription {
  readonly family: FamilyName;
  readonly task: Task;
  readonly labels: readonly string[];
  readonly labelSource: LabelSource;
  readonly input: InputSpec;
  readonly params: unknown;
  readonly defaults: Family['defaults'];
  readonly recognition: {
    /** Whether model.json named the family or the graph was recognised. */
    readonly by: 'manifest' | 'graph';
    /** 0–1. */
    readonly confidence: number;
    readonly evidence: readonly string[];
    readonly alternatives: readonly Candidate[];
  };
  readonly signature: Signature;
  readonly sha256: string;
}

export interface DescribedModel {
  readonly description: ModelDescription;
  readonly family: BoundFamily;
}

/**
 * Reads a model's graph, recognises its family and applies what model.json says.
 * @throws AppError unrecognised_model with an example sidecar, or invalid_model.
 */
export async function describeModel(path: string, manifest: Manifest): Promise<DescribedModel> {
  const [signature, sha256] = await Promise.all([readSignature(path), hashFile(path)]);
  if (manifest.sha256 && manifest.sha256 !== sha256) {
    throw new AppError('invalid_model', `the file's sha256 is ${sha256}, model.json says ${manifest.sha256}`);
  }
  const { name, recognition } = chooseFamily(signature, manifest);
  const family = families[name];
  const bound = bind(family, name, signature, { ...recognition.params, ...manifest.params });
  if (manifest.task && manifest.task !== bound.task) {
    throw new AppError('invalid_model', `model.json says task ${manifest.task}, but ${name} models do ${bound.task}`);
  }
  const input = overrideInput(bound.input, manifest);
  const { labels, source } = nameClasses(signature, bound.classes, manifest);
  const { score_threshold, iou_threshold, max_detections } = manifest.defaults ?? {};
  return {
    family: { ...bound, input },
    description: {
      family: name,
      task: bound.task,
      labels,
      labelSource: source,
      input,
      params: bound.params,
      defaults: {
        scoreThreshold: score_threshold ?? family.defaults.scoreThreshold,
        iouThreshold: iou_threshold ?? family.defaults.iouThreshold,
        maxDetections: max_detections ?? family.defaults.maxDetections,
      },
      recognition: {
        by: manifest.family ? 'manifest' : 'graph',
        confidence: recognition.confidence,
        evidence: recognition.evidence,
        alternatives: recognition.alternatives,
      },
      signature,
      sha256,
    },
  };
}

function chooseFamily(signature: Signature, manifest: Manifest) {
  if (manifest.family) {
    const own = families[manifest.family].recognise(signature);
    const evidence = ['model.json names the family', ...(own?.evidence ?? [])];
    return { name: manifest.family, recognition: { confidence: 1, evidence, params: own?.params, alternatives: [] } };
  }
  const { best, alternatives } = recogniseFamily(signature);
  if (!best) throw unrecognised(signature, alternatives);
  return { name: best.family, recognition: { ...best, alternatives } };
}

function bind(family: Family, name: string, signature: Signature, params: unknown): BoundFamily {
  try {
    return family.bind(signature, params);
  } catch (error) {
    const why = error instanceof z.ZodError ? `params: ${describeIssues(error)}` : messageOf(error);
    throw new AppError('invalid_model', `the graph does not serve as ${name}: ${why}`, { cause: error });
  }
}

function nameClasses(signature: Signature, classes: BoundFamily['classes'], manifest: Manifest): Labels {
  try {
    return labelsFor(signature, classes, manifest.labels);
  } catch (error) {
    throw new AppError('invalid_model', messageOf(error), { cause: error });
  }
}

function overrideInput(input: InputSpec, manifest: Manifest): InputSpec {
  const parsed = inputSpecSchema.safeParse({ ...input, ...manifest.input });
  if (parsed.success) return parsed.data;
  throw new AppError('invalid_model', `model.json's input: ${describeIssues(parsed.error)}`);
}

function unrecognised(signature: Signature, alternatives: readonly Candidate[]): AppError {
  const list = (values: Signature['inputs']) => values.map((v) => `${v.name} ${formatValue(v)}`).join(', ') || 'none';
  const example = { family: alternatives[0]?.family ?? 'yolov8', labels: ['first class', 'second class'] };
  const near = alternatives.map((a) => `${a.family} (${a.confidence})`).join(', ');
  return new AppError(
    'unrecognised_model',
    `this graph is of no family that is known for sure. Inputs: ${list(signature.inputs)}. Outputs: ` +
      `${list(signature.outputs)}. ${near ? `It resembles ${near}. ` : ''}Put a model.json beside it that names its ` +
      `family, e.g. ${JSON.stringify(example)}; families: ${Object.keys(families).join(', ')}.`,
  );
}

async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer);
  return hash.digest('hex');
}
