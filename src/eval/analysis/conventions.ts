import type { CocoData } from '../coco/types.ts';
import { type ApRules, type DataSelection, meanApByRules } from './rules.ts';

/** A definition of AP at one IoU threshold. */
export type ConventionName = 'COCO' | 'Pascal VOC 2007' | 'Pascal VOC 2012' | 'Ultralytics';

/** One choice in which a convention differs from COCO. */
export interface Cause {
  readonly rule: keyof ApRules;
  /** In plain words. */
  readonly explanation: string;
  /** AP with this rule and those before it exchanged. */
  readonly ap: number;
  /** What exchanging this rule, after those before it, does to AP. */
  readonly change: number;
}

export interface ConventionOptions extends DataSelection {
  /** Default 0.5. */
  readonly iouThreshold?: number;
}

export interface ConventionScore {
  readonly name: ConventionName;
  readonly rules: ApRules;
  readonly ap: number;
  /** What leads from COCO's number to this one, step by step: the changes add up to the difference. */
  readonly causes: readonly Cause[];
}

const COCO: ApRules = {
  interpolation: '101-point',
  secondChoice: true,
  strict: false,
  inclusive: false,
  crowds: 'ignored',
  maxPerClass: 100,
  maxPerImage: Infinity,
  minScore: -Infinity,
};

/** As the development kit computes it: IoU above the threshold, +1 pixels, no limit on detections. */
const VOC: ApRules = {
  ...COCO,
  secondChoice: false,
  strict: true,
  inclusive: true,
  crowds: 'difficult',
  maxPerClass: Infinity,
};

export const CONVENTIONS: Readonly<Record<ConventionName, ApRules>> = {
  COCO,
  'Pascal VOC 2007': { ...VOC, interpolation: '11-point' },
  'Pascal VOC 2012': { ...VOC, interpolation: 'all-point' },
  // Defaults of its validation mode: 300 detections per image, scores from 0.001; its converter leaves crowds out.
  Ultralytics: {
    ...COCO,
    interpolation: '101-point-linear',
    secondChoice: false,
    crowds: 'unknown',
    maxPerClass: Infinity,
    maxPerImage: 300,
    minScore: 0.001,
  },
};

const ORDER: readonly (keyof ApRules)[] = [
  'minScore',
  'maxPerClass',
  'maxPerImage',
  'crowds',
  'inclusive',
  'strict',
  'secondChoice',
  'interpolation',
];

/**
 * The same boxes under several definitions of AP, with what each difference does. COCO's is AP at this threshold over
 * objects of all sizes; VOC's is that of `evaluateVoc` with crowds as difficult objects. What Ultralytics does to
 * boxes before it scores them is not repeated here.
 */
export function compareConventions(
  data: CocoData,
  { iouThreshold = 0.5, ...selection }: ConventionOptions = {},
): readonly ConventionScore[] {
  // The conventions share many of their steps.
  const known = new Map<string, number>();
  const apBy = (rules: ApRules): number => {
    const key = ORDER.map((rule) => rules[rule]).join();
    const ap = known.get(key) ?? meanApByRules(data, rules, iouThreshold, selection);
    known.set(key, ap);
    return ap;
  };
  const coco = apBy(COCO);
  return Object.entries(CONVENTIONS).map(([name, rules]) => {
    let current = COCO;
    let ap = coco;
    const causes = ORDER.filter((rule) => rules[rule] !== COCO[rule]).map((rule): Cause => {
      current = { ...current, [rule]: rules[rule] };
      const next = apBy(current);
      const change = next - ap;
      ap = next;
      return { rule, explanation: explain(rule, rules), ap, change };
    });
    return { name: name as ConventionName, rules, ap, causes };
  });
}

function explain(rule: keyof ApRules, rules: ApRules): string {
  switch (rule) {
    case 'interpolation':
      return {
        '101-point': 'the best precision is averaged at 101 recalls',
        '11-point': 'the best precision is averaged at 11 recalls instead of 101',
        'all-point': 'the area under the whole stepped curve is taken instead of 101 points',
        '101-point-linear': 'precision falls in straight lines between points, down to 0 at recall 1',
      }[rules.interpolation];
    case 'secondChoice':
      return 'a detection whose best object is taken counts as wrong, even where another object fits';
    case 'strict':
      return 'IoU must exceed the threshold; equal is not enough';
    case 'inclusive':
      return 'corners are pixels inside the box, so that sides are 1 longer';
    case 'crowds':
      return rules.crowds === 'difficult'
        ? 'crowds are difficult objects, compared by plain IoU'
        : 'crowds are not known, so that what is found in them is wrong';
    case 'maxPerClass':
      return `per image and class, ${rules.maxPerClass === Infinity ? 'all detections count' : `${rules.maxPerClass} detections count`} instead of the best ${COCO.maxPerClass}`;
    case 'maxPerImage':
      return `over all classes, only the best ${rules.maxPerImage} detections of an image count`;
    case 'minScore':
      return `detections with scores below ${rules.minScore} are left out`;
  }
}
