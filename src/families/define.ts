import type { z } from 'zod';
import type { InputSpec } from '../vision/input-spec.ts';
import type { Probe, Signature } from '../vision/signature.ts';
import type { Tensors } from '../vision/tensor.ts';
import type { Limits, Prediction, PredictionByTask, Size, Task } from '../vision/types.ts';

/** What a family reads off a graph that it takes for its own. */
export interface Recognition {
  /** 0–1. Below 0.5 a sidecar is asked for; the surest family wins. */
  readonly confidence: number;
  /** The observations, each a short sentence for a person. */
  readonly evidence: readonly string[];
  /** Values for the family's params, read off the graph. */
  readonly params?: Readonly<Record<string, unknown>>;
}

export interface DecodeContext<P> {
  readonly params: P;
  /** The model's input, in pixels, as it was run. */
  readonly input: Size;
  readonly limits: Limits;
}

/**
 * A model family: how to recognise its graph, what to feed it, and how to read its outputs. Decoders stay in
 * model-input pixels and never see the source image.
 */
export interface FamilyDefinition<T extends Task, P extends z.ZodType> {
  readonly task: T;
  /** For people: `YOLOX`. */
  readonly title: string;
  /** Where the conventions come from: repository and file. */
  readonly reference: string;
  /** Set where no parity case compares the decoder with the reference's own post-processing. */
  readonly checked?: 'reading';
  /** Schema of `params` in model.json; every field has a default or is read off the graph. */
  readonly params: P;
  /** What a caller gets without asking. */
  readonly defaults: { readonly scoreThreshold: number; readonly iouThreshold: number; readonly maxDetections: number };
  /**
   * Undefined when the graph is not of this family. Must not throw, whatever the signature.
   * @param probe Only where the signature alone left no family sure: what the graph gave for a picture of no meaning. The
   * outputs of `signature` then have the shapes that it gave.
   */
  readonly recognise: (signature: Signature, probe?: Probe) => Recognition | undefined;
  readonly input: (signature: Signature, params: z.output<P>) => InputSpec;
  /** The number of classes, or their names where the family fixes them. */
  readonly classes: (signature: Signature, params: z.output<P>) => number | readonly string[];
  readonly decode: (outputs: Tensors, context: DecodeContext<z.output<P>>) => PredictionByTask[T];
}

/** A family with its params parsed and closed over. The pipeline sees nothing else. */
export interface BoundFamily {
  readonly task: Task;
  readonly input: InputSpec;
  readonly classes: number | readonly string[];
  readonly params: unknown;
  readonly decode: (outputs: Tensors, input: Size, limits: Limits) => Prediction;
}

export interface Family
  extends Pick<
    FamilyDefinition<Task, z.ZodType>,
    'task' | 'title' | 'reference' | 'checked' | 'params' | 'defaults' | 'recognise'
  > {
  /** @throws z.ZodError where `params` do not fit the family's schema. */
  readonly bind: (signature: Signature, params: unknown) => BoundFamily;
}

export function defineFamily<T extends Task, P extends z.ZodType>(definition: FamilyDefinition<T, P>): Family {
  return {
    task: definition.task,
    title: definition.title,
    reference: definition.reference,
    ...(definition.checked && { checked: definition.checked }),
    params: definition.params,
    defaults: definition.defaults,
    recognise: definition.recognise,
    bind(signature, raw) {
      const params = definition.params.parse(raw);
      return {
        task: definition.task,
        params,
        input: definition.input(signature, params),
        classes: definition.classes(signature, params),
        decode: (outputs, input, limits) =>
          ({ task: definition.task, value: definition.decode(outputs, { params, input, limits }) }) as Prediction,
      };
    },
  };
}
