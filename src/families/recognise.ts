import type { Probe, Signature } from '../vision/signature.ts';
import type { Recognition } from './define.ts';
import { type FamilyName, families } from './index.ts';

/** Less sure than this, a family is not served without being named. */
const LEAST_CONFIDENCE = 0.5;
/** Two families closer than this are two readings of one graph. */
const LEAST_LEAD = 0.05;

/** A family that sees itself in a graph. */
export interface Candidate extends Recognition {
  readonly family: FamilyName;
  readonly params: Readonly<Record<string, unknown>>;
}

export interface RecognisedFamilies {
  /** Absent where no family is sure, or two are as sure: then a sidecar must name one. */
  readonly best?: Candidate;
  /** Every other family that sees itself in the graph, the surest first. */
  readonly alternatives: readonly Candidate[];
}

/** Asks every family whether a graph is its own. Never throws. `probe`: see `FamilyDefinition.recognise`. */
export function recogniseFamily(signature: Signature, probe?: Probe): RecognisedFamilies {
  const found = (Object.keys(families) as FamilyName[]).flatMap((family) => {
    const recognition = families[family].recognise(signature, probe);
    return recognition ? [{ params: {}, ...recognition, family }] : [];
  });
  found.sort((a, b) => b.confidence - a.confidence);
  const [first, second] = found;
  if (!first || first.confidence < LEAST_CONFIDENCE) return { alternatives: found };
  if (second && first.confidence - second.confidence < LEAST_LEAD) return { alternatives: found };
  return { best: first, alternatives: found.slice(1) };
}
