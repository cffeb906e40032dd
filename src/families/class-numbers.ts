import { z } from 'zod';
import type { Signature } from '../vision/signature.ts';
import { parseNames } from './labels/names-literal.ts';

/** Of graphs that give the class of each box as a number: no shape tells how many there are. */
const MOST_CLASSES = 65_536;
/** As many as Miru names where nothing tells. */
const UNNAMED_CLASSES = 256;

/** 0: not known. */
export const classCount = z.int().min(0).max(MOST_CLASSES).default(0);

/** How many names the exporter left in the graph; 0 where it left none. */
export function countNames({ metadata }: Signature): number {
  const count = Object.hasOwn(metadata, 'names') ? (parseNames(metadata.names!)?.size ?? 0) : 0;
  return count <= MOST_CLASSES ? count : 0;
}

/** Whether a number that a graph gave as a class is one. */
export function isClass(value: number, classes: number): boolean {
  return Number.isInteger(value) && value >= 0 && value < (classes || UNNAMED_CLASSES);
}
