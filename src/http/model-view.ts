import { currentDescription, type Model } from '../catalog/model.ts';
import { fixedSize, type InputSpec } from '../vision/input-spec.ts';
import type { Signature } from '../vision/signature.ts';

/** A model as GET /v1/models lists it. */
export function summarise(model: Model, isDefault: boolean) {
  const { manifest, loaded, error } = model;
  const description = currentDescription(model);
  return {
    id: model.id,
    task: description?.task ?? null,
    family: description?.family ?? manifest.family ?? null,
    classes: description?.labels.length ?? null,
    input: description ? inputSize(description.input) : null,
    provider: loaded?.provider ?? null,
    state: stateOf(model),
    default: isDefault,
    license: manifest.license ?? null,
    source: manifest.source ?? null,
    ...(error && { error: error.message }),
  };
}

/** The same with everything that is known of it. */
export function detail(model: Model, isDefault: boolean) {
  const { manifest, loaded } = model;
  const description = currentDescription(model);
  return {
    ...summarise(model, isDefault),
    description: manifest.description ?? null,
    upstream: manifest.upstream ?? null,
    metrics: manifest.metrics ?? null,
    ...(loaded?.fallbackReason && { provider_fallback: loaded.fallbackReason }),
    ...(description && {
      labels: description.labels,
      labels_from: description.labelSource,
      input_spec: description.input,
      params: description.params,
      defaults: {
        score_threshold: description.defaults.scoreThreshold,
        iou_threshold: description.defaults.iouThreshold,
        max_detections: description.defaults.maxDetections,
      },
      recognition: description.recognition,
      signature: withoutWeights(description.signature),
      ...(description.observed && { observed_outputs: description.observed }),
      sha256: description.sha256,
    }),
  };
}

/** Shapes of weights are many, and they and last operators of use to recognition alone. */
function withoutWeights({
  weights,
  lastOperators,
  ...signature
}: Signature): Omit<Signature, 'weights' | 'lastOperators'> {
  return signature;
}

function stateOf({ loaded, loading, error }: Model): 'ready' | 'loading' | 'unloaded' | 'failed' {
  if (loaded) return 'ready';
  if (loading) return 'loading';
  return error ? 'failed' : 'unloaded';
}

/** The size pictures are brought to; null where it follows the picture. */
function inputSize({ resize }: InputSpec): { width: number | null; height: number | null } {
  const { width = null, height = null } = fixedSize(resize) ?? {};
  return { width, height };
}
