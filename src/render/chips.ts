import type { Size } from '../vision/types.ts';
import { type Canvas, drawText, fillRect, type Rect } from './canvas.ts';
import { type Rgb, textColor } from './color.ts';
import { CAP_HEIGHT } from './font.ts';
import { HALO, type Style } from './style.ts';
import { concat, layOut, type TextLine } from './text.ts';

/** A label on a patch of its class's colour. Its rectangle lies on whole pixels within the picture. */
export interface Chip {
  readonly rect: Rect;
  readonly text: TextLine;
  readonly color: Rgb;
}

/** What a chip shall say; the value is a fraction in [0, 1]. */
export interface Caption {
  readonly label: string;
  readonly value?: number;
  readonly color: Rgb;
}

/** A label that has to be shortened keeps its percentage only if this many font sizes remain for the name. */
const MIN_NAME_WIDTH = 2;
/** The widest text, in font sizes: one long name may not cross the whole picture. */
const MAX_WIDTH = 24;
/** A list of classes is a summary: more would hide the picture. */
const MAX_LISTED = 12;
const NEUTRAL: Rgb = [40, 40, 40];

/** The name that a class is shown under; a class without one is shown by its number. */
export function nameOf(labels: readonly string[], classId: number): string {
  return labels[classId]?.trim() || `class ${classId}`;
}

/** "58 %"; what is above nothing never reads "0 %". */
export function percent(fraction: number): string {
  return fraction > 0 && fraction < 0.005 ? '<1 %' : `${Math.round(fraction * 100)} %`;
}

/**
 * Places a chip for each box so that it lies inside the picture: above the box where there is room, else inside its top;
 * to the left of where the box begins where the right border demands it. A chip that would cover one placed before it goes
 * to the next of a few spots around its box, or to the one where it covers least. Pictures too small for a chip get none.
 * @param boxes one for each caption, on whole pixels, in the order of importance.
 */
export function placeChips(captions: readonly Caption[], boxes: readonly Rect[], size: Size, style: Style): Chip[] {
  const chips: Chip[] = [];
  for (const [i, caption] of captions.entries()) {
    const text = fitCaption(caption, size.width, style);
    if (!text || style.chipHeight > size.height) continue;
    const chip = { width: chipWidth(text, style), height: style.chipHeight };
    const rect = leastCovered(spotsFor(boxes[i]!, chip, size), chips);
    chips.push({ rect, text, color: caption.color });
  }
  return chips;
}

/** A column of chips at the picture's top left; those that find no room are counted in a last chip. */
export function listChips(captions: readonly Caption[], size: Size, style: Style): Chip[] {
  const margin = Math.min(style.chipPadding, Math.floor(Math.min(size.width, size.height) / 16));
  const pitch = style.chipHeight + style.halo + 1;
  const rows = Math.min(MAX_LISTED, Math.floor((size.height - 2 * margin + pitch - style.chipHeight) / pitch));
  const fits = captions.length <= rows;
  const shown: Caption[] = fits
    ? [...captions]
    : [
        ...captions.slice(0, Math.max(0, rows - 1)),
        { label: `+${captions.length - Math.max(0, rows - 1)} more`, color: NEUTRAL },
      ];
  return shown.slice(0, Math.max(0, rows)).flatMap((caption, row) => {
    const text = fitCaption(caption, size.width - 2 * margin, style);
    if (!text) return [];
    const rect = { x: margin, y: margin + row * pitch, width: chipWidth(text, style), height: style.chipHeight };
    return [{ rect, text, color: caption.color }];
  });
}

export function drawChip(canvas: Canvas, { rect, text, color }: Chip, style: Style): void {
  const halo = {
    x: rect.x - style.halo,
    y: rect.y - style.halo,
    width: rect.width + 2 * style.halo,
    height: rect.height + 2 * style.halo,
  };
  fillRect(canvas, halo, style.chipRadius + style.halo, HALO.color, HALO.opacity / 2);
  fillRect(canvas, rect, style.chipRadius, color);
  const baseline = rect.y + (rect.height + style.fontSize * CAP_HEIGHT) / 2;
  drawText(canvas, text, rect.x + style.chipPadding, Math.round(baseline), style.fontSize, textColor(color));
}

/** The caption's text for a picture `width` pixels wide: the name is shortened first, then the percentage goes. */
function fitCaption({ label, value }: Caption, width: number, style: Style): TextLine | undefined {
  const room = Math.min(MAX_WIDTH, (width - 2 * style.chipPadding) / style.fontSize);
  const suffix = layOut(value === undefined ? '' : ` ${percent(value)}`)!;
  const full = layOut(label)!;
  if (full.width + suffix.width <= room) return concat(full, suffix);
  if (full.width > room && room - suffix.width >= MIN_NAME_WIDTH) {
    return concat(layOut(label, room - suffix.width)!, suffix);
  }
  return layOut(label, room);
}

function chipWidth(text: TextLine, style: Style): number {
  return Math.floor(text.width * style.fontSize) + 2 * style.chipPadding;
}

/** Where a chip may go, the best first. */
function spotsFor(box: Rect, chip: Size, size: Size): Rect[] {
  const left = box.x;
  const right = box.x + box.width - chip.width;
  const above = box.y - chip.height;
  const top = box.y;
  const below = box.y + box.height;
  const bottom = below - chip.height;
  const spots = [
    [left, above],
    [left, top],
    [right, above],
    [right, top],
    [left, below],
    [left, bottom],
    [right, below],
    [right, bottom],
  ] as const;
  const inside = spots.filter(([, y]) => y >= 0 && y + chip.height <= size.height);
  // A box that is lower than its chip and touches two borders has no such spot.
  const usable = inside.length > 0 ? inside : [[left, Math.max(0, Math.min(top, size.height - chip.height))] as const];
  return usable.map(([x, y]) => ({ ...chip, x: Math.max(0, Math.min(x, size.width - chip.width)), y }));
}

function leastCovered(spots: readonly Rect[], chips: readonly Chip[]): Rect {
  let best = spots[0]!;
  let least = Number.POSITIVE_INFINITY;
  for (const spot of spots) {
    const covered = chips.reduce((sum, chip) => sum + overlap(spot, chip.rect), 0);
    if (covered < least) [best, least] = [spot, covered];
    if (covered === 0) break;
  }
  return best;
}

function overlap(a: Rect, b: Rect): number {
  const width = Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x);
  const height = Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y);
  return Math.max(0, width) * Math.max(0, height);
}
