import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { z } from 'zod';
import { AppError, messageOf } from '../errors.ts';
import { batchOf, forOnePicture, ofFirstPicture } from '../families/batch.ts';
import type { BoundFamily, Family, Recognition } from '../families/define.ts';
import { unknownInputs } from '../families/extra-inputs.ts';
import { type FamilyName, families } from '../families/index.ts';
import { type LabelSource, type Labels, labelsFor } from '../families/labels.ts';
import { type Candidate, recogniseFamily } from '../families/recognise.ts';
import { readSignature } from '../onnx/read-signature.ts';
import { type InputSpec, inputSpecSchema } from '../vision/input-spec.ts';
import { formatValue, type Probe, type Signature, type ValueInfo } from '../vision/signature.ts';
import type { Task } from '../vision/types.ts';
import { describeIssues, type Manifest } from './manifest.ts';
import { probeGraph } from './probe.ts';

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
    /** Whether model.json named the family, or the graph was recognised as it is or by what it gave for a picture. */
    readonly by: 'manifest' | 'graph' | 'probe';
    /** 0–1. */
    readonly confidence: number;
    readonly evidence: readonly string[];
    readonly alternatives: readonly Candidate[];
  };
  readonly signature: Signature;
  /** The outputs as the graph gave them for one picture, where that was needed to recognise it. */
  readonly observed?: readonly ValueInfo[];
  readonly sha256: string;
}

/**
 * Reads a model's graph, recognises its family and applies what model.json says. Where the graph alone leaves no family
 * sure, it is run on a picture of no meaning.
 * @throws AppError unrecognised_model with an example sidecar, or invalid_model.
 */
export async function describeModel(path: string, manifest: Manifest): Promise<ModelDescription> {
  const [signature, sha256] = await Promise.all([readSignature(path), hashFile(path)]);
  if (manifest.sha256 && manifest.sha256 !== sha256) {
    throw new AppError('invalid_model', `the file's sha256 is ${sha256}, model.json says ${manifest.sha256}`);
  }
  refusePlugins(signature);
  const batch = batchOf(signature);
  const { name, recognition, by, observed } = await chooseFamily(path, signature, batch, manifest);
  const family = families[name];
  const seen = seenByFamily({ signature, batch, observed });
  const bound = bind(family, name, seen, { ...recognition.params, ...manifest.params });
  if (manifest.task && manifest.task !== bound.task) {
    throw new AppError('invalid_model', `model.json says task ${manifest.task}, but ${name} models do ${bound.task}`);
  }
  const input = overrideInput({ ...bound.input, batch }, manifest);
  const [unknown] = unknownInputs(signature, input.name);
  if (unknown) {
    throw new AppError('unrecognised_model', `the graph asks for ${unknown}, which Miru does not know how to give`);
  }
  const { labels, source } = nameClasses(signature, bound.classes, manifest);
  const { score_threshold, iou_threshold, max_detections } = manifest.defaults ?? {};
  return {
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
      by,
      confidence: recognition.confidence,
      evidence: recognition.evidence,
      alternatives: recognition.alternatives,
    },
    signature,
    ...(observed && { observed }),
    sha256,
  };
}

/** The family of a described model, ready to decode. */
export function bindDescribed(description: ModelDescription): BoundFamily {
  const { family, params, input, signature, observed } = description;
  const bound = families[family].bind(seenByFamily({ signature, batch: input.batch, observed }), params);
  return { ...bound, input };
}

interface SeenGraph {
  readonly signature: Signature;
  readonly batch: number;
  readonly observed: readonly ValueInfo[] | undefined;
}

/** The graph as families know it: of one picture, with the shapes that were observed. */
function seenByFamily({ signature, batch, observed }: SeenGraph): Signature {
  const one = forOnePicture(signature, batch);
  return observed ? { ...one, outputs: observed } : one;
}

interface Choice {
  readonly name: FamilyName;
  readonly recognition: Omit<Candidate, 'family'> & { readonly alternatives: readonly Candidate[] };
  readonly by: ModelDescription['recognition']['by'];
  readonly observed?: readonly ValueInfo[];
}

async function chooseFamily(path: string, signature: Signature, batch: number, manifest: Manifest): Promise<Choice> {
  const one = forOnePicture(signature, batch);
  const atSight = choose(one, undefined, manifest);
  if ('name' in atSight) return atSight;
  const probe = await probeGraph({ path, signature, batch });
  if (!probe) {
    if (manifest.family) return byManifest(manifest.family, undefined);
    throw unrecognised(signature, atSight.alternatives);
  }
  const outputs = ofFirstPicture(probe.outputs, signature, batch);
  const observed = one.outputs.map((value) => {
    const tensor = outputs[value.name];
    return tensor ? { name: value.name, dtype: tensor.dtype, dims: tensor.dims } : value;
  });
  const afterProbe = choose({ ...one, outputs: observed }, { ...probe, outputs }, manifest);
  if ('name' in afterProbe) return { ...afterProbe, by: manifest.family ? 'manifest' : 'probe', observed };
  if (manifest.family) return { ...byManifest(manifest.family, undefined), observed };
  throw unrecognised(signature, afterProbe.alternatives);
}

/** The family that model.json names, if it sees itself in the graph, or the one that is sure; else what it resembles. */
function choose(
  signature: Signature,
  probe: Probe | undefined,
  { family }: Manifest,
): Choice | { readonly alternatives: readonly Candidate[] } {
  if (family) {
    const own = families[family].recognise(signature, probe);
    return own ? byManifest(family, own) : { alternatives: [] };
  }
  const { best, alternatives } = recogniseFamily(signature, probe);
  return best ? { name: best.family, recognition: { ...best, alternatives }, by: 'graph' } : { alternatives };
}

function byManifest(name: FamilyName, own: Recognition | undefined): Choice {
  const evidence = ['model.json names the family', ...(own?.evidence ?? [])];
  return {
    name,
    recognition: { confidence: 1, evidence, params: own?.params ?? {}, alternatives: [] },
    by: 'manifest',
  };
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

/** Exporters for TensorRT leave nodes such as EfficientNMS_TRT, which are code of its own. */
function refusePlugins({ operators }: Signature): void {
  const plugins = Object.keys(operators).filter((name) => name.endsWith('_TRT'));
  if (plugins.length === 0) return;
  throw new AppError(
    'invalid_model',
    `the graph uses ${plugins.join(', ')}, a plugin of TensorRT that onnxruntime cannot run; export the model again ` +
      "without suppression, or with ONNX's own NonMaxSuppression",
  );
}

async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer);
  return hash.digest('hex');
}
