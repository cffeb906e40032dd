import type { Candidate } from '../families/recognise.ts';
import { fixedSize, type Resize } from '../vision/input-spec.ts';
import { formatValue, type Signature, type ValueInfo } from '../vision/signature.ts';
import type { Inspection } from './inspect-model.ts';
import type { ModelDetail, ModelList } from './model-store.ts';
import { formatTable, printable } from './table.ts';

const LABELS_SHOWN = 12;

export function formatModelList({ models }: ModelList): string {
  if (models.length === 0) return 'no models\n';
  const rows = models.map((m) => [
    m.default ? `${m.id} *` : m.id,
    m.task ?? '–',
    m.family ?? '–',
    m.classes === null ? '–' : String(m.classes),
    m.input ? formatSize(m.input) : '–',
    m.license ?? '–',
    m.error ? `failed: ${m.error}` : m.state,
  ]);
  const columns = ['id', 'task', 'family', 'classes', 'input', 'license', 'state'].map((title) => ({ title }));
  return `${formatTable(columns, rows)}\n* serves requests for its task that name no model\n`;
}

function formatSize({ width, height }: NonNullable<ModelList['models'][number]['input']>): string {
  return width === null ? 'any' : `${width}×${height}`;
}

/** Everything known of a model, a fact per line. */
export function formatModel(model: ModelDetail): string {
  const { recognition, signature, input_spec: input, labels, defaults } = model;
  return formatFacts([
    ['model', model.id],
    ['description', model.description],
    ['task', model.task],
    ['family', model.family],
    ['cannot be served', model.error],
    ['recognised by', recognition && `${recognition.by}, ${formatConfidence(recognition.confidence)}`],
    ['evidence', recognition?.evidence],
    ['could also be', recognition && formatCandidates(recognition.alternatives)],
    ...signatureFacts(signature),
    ['fed with', input && formatInput(input)],
    ['params', model.params && JSON.stringify(model.params)],
    ['labels', labels && `${labels.length} from ${model.labels_from}: ${formatLabels(labels)}`],
    [
      'defaults',
      defaults &&
        `score ≥ ${defaults.score_threshold}, IoU ≤ ${defaults.iou_threshold}, at most ${defaults.max_detections}`,
    ],
    ['license', model.license],
    ['source', model.source],
    ['upstream', model.upstream],
    ['sha256', model.sha256],
  ]);
}

/** What the graph says of itself, what it resembles, and how to tell Miru what it is. */
export function formatUnrecognised({
  path,
  manifestPath,
  signature,
  alternatives,
}: Extract<Inspection, { unrecognised: unknown }>['unrecognised']): string {
  const operators = Object.entries(signature.operators).sort(([, a], [, b]) => b - a);
  const facts = formatFacts([
    ['file', path],
    ['family', 'not recognised'],
    ['resembles', formatCandidates(alternatives)],
    ...signatureFacts(signature),
    ['operators', operators.map(([name, times]) => `${name} ${times}`).join(', ')],
    ['metadata', Object.entries(signature.metadata).map(([key, value]) => `${key}: ${value.slice(0, 200)}`)],
  ]);
  const example = { family: alternatives[0]?.family ?? 'yolov8', labels: ['first class', 'second class'] };
  return `${facts}\nWrite what it is to ${printable(manifestPath)}, for example:\n\n${JSON.stringify(example, null, 2)}\n`;
}

function signatureFacts(signature: Pick<Signature, 'inputs' | 'outputs' | 'opsets'> | undefined): Fact[] {
  if (!signature) return [];
  const values = (list: readonly ValueInfo[]) => list.map((value) => `${value.name}  ${formatValue(value)}`);
  const opsets = Object.entries(signature.opsets).map(([domain, version]) => `${domain || 'ai.onnx'} ${version}`);
  return [
    ['inputs', values(signature.inputs)],
    ['outputs', values(signature.outputs)],
    ['opsets', opsets.join(', ')],
  ];
}

function formatCandidates(candidates: readonly Candidate[]): string[] {
  return candidates.map((c) => `${c.family}, ${formatConfidence(c.confidence)}: ${c.evidence.join('; ')}`);
}

function formatConfidence(confidence: number): string {
  return `${Math.round(100 * confidence)} % sure`;
}

function formatInput(input: NonNullable<ModelDetail['input_spec']>): string {
  const { resize } = input;
  const fixed = fixedSize(resize);
  const size = fixed ? `${fixed.width}×${fixed.height}` : formatDynamic(resize);
  return [
    resize.mode === 'crop' ? `the middle ${Math.round(100 * resize.share)} %, as ${size}` : `${resize.mode} to ${size}`,
    `${input.interpolation} interpolation`,
    `${input.color} ${input.layout} ${input.dtype}`,
    `mean ${input.mean.join(' ')}`,
    `std ${input.std.join(' ')}`,
  ].join(', ');
}

function formatDynamic(resize: Resize): string {
  if (!('longest' in resize)) return '';
  const shorter = resize.mode === 'scale' && resize.shortest ? `shorter side ${resize.shortest}, ` : '';
  return `${shorter}longer side at most ${resize.longest}, multiples of ${resize.multiple}`;
}

function formatLabels(labels: readonly string[]): string {
  const rest = labels.length - LABELS_SHOWN;
  return labels.slice(0, LABELS_SHOWN).join(', ') + (rest > 0 ? ` and ${rest} more` : '');
}

/** A name with one value, several (a line each), or none: then it is left out. */
type Fact = readonly [name: string, value: unknown];

export function formatFacts(facts: readonly Fact[]): string {
  const given = facts.flatMap(([name, value]) => {
    const values = Array.isArray(value) ? value : [value];
    return values
      .filter((v) => v !== null && v !== undefined && v !== '')
      .map((v, i) => [i === 0 ? name : '', String(v)]);
  });
  const width = Math.max(...given.map(([name]) => name!.length));
  return given.map(([name, value]) => `${name!.padEnd(width)}  ${printable(value!)}\n`).join('');
}
