import { describe, expect, it } from 'vitest';
import { dbText } from '../../src/families/db-text.ts';
import { fitFrame } from '../../src/vision/frame.ts';
import { toSource } from '../../src/vision/to-source.ts';
import { tensor } from './fixture.ts';
import { fixtures } from './fixtures/db-text/contract.ts';

const { signature } = Object.values(fixtures)[0]!;
const limits = { scoreThreshold: 0.6, iouThreshold: 1, maxDetections: 100, classAgnostic: false };

function decode(map: ReturnType<typeof tensor>, params: object, scale = 1) {
  const [, , height, width] = map.dims as [number, number, number, number];
  const input = { width: width * scale, height: height * scale };
  const prediction = dbText.bind(signature, params).decode({ map }, input, limits);
  if (prediction.task !== 'instance-segmentation') throw new Error(prediction.task);
  return { prediction, value: prediction.value, input };
}

function paint(map: ReturnType<typeof tensor>, isInside: (x: number, y: number) => boolean, probability = 0.9) {
  const width = map.dims[3]!;
  map.data.forEach((_, i) => {
    if (isInside((i % width) + 0.5, Math.floor(i / width) + 0.5)) map.data[i] = probability;
  });
  return map;
}

describe('db-text', () => {
  it('grows regions by area · ratio / perimeter', () => {
    // From cell to cell 39 × 9: area 351, perimeter 96, ratio 1.5: 5.48 outwards of 20, 30, 59 and 39, to whole cells.
    const map = paint(tensor([1, 1, 64, 96]), (x, y) => x > 20 && x < 60 && y > 30 && y < 40);
    const { value } = decode(map, { unclipRatio: 1.5 });
    [15, 25, 64, 44].forEach((v, i) => {
      expect(value.boxes[i]).toBeCloseTo(v, 4);
    });
  });

  it('scales from the map to the input', () => {
    const map = paint(tensor([1, 1, 32, 32]), (x, y) => x > 4 && x < 20 && y > 8 && y < 16);
    const { value } = decode(map, { unclipRatio: 0 }, 4);
    expect([...value.boxes].map(Math.round)).toEqual([16, 32, 76, 60]);
  });

  it('scores by the mean, drops thin regions and weak ones', () => {
    const map = tensor([1, 1, 64, 64]);
    paint(map, (x, y) => x > 5 && x < 25 && y > 5 && y < 15, 0.9);
    paint(map, (x, y) => x > 5 && x < 15 && y > 5 && y < 15, 0.7);
    paint(map, (_x, y) => y > 30 && y < 32, 0.9);
    paint(map, (x, y) => x > 5 && x < 25 && y > 50 && y < 60, 0.5);
    const { value } = decode(map, { unclipRatio: 0 });
    expect(value.scores).toHaveLength(1);
    expect(value.scores[0]).toBeCloseTo(0.8, 5);
  });

  it('masks a slanted word with a slanted rectangle', () => {
    const [cos, sin] = [Math.cos(0.5), Math.sin(0.5)];
    const isInside = (x: number, y: number) => {
      const [along, across] = [(x - 64) * cos + (y - 48) * sin, (y - 48) * cos - (x - 64) * sin];
      return Math.abs(along) < 40 && Math.abs(across) < 8;
    };
    const map = paint(tensor([1, 1, 96, 128]), isInside);
    const { prediction, input } = decode(map, { unclipRatio: 0 });
    const result = toSource(prediction, fitFrame(input, { mode: 'stretch', ...input }));
    if (result.task !== 'instance-segmentation') throw new Error(result.task);
    const mask = result.value.masks[0]!;
    let [both, either] = [0, 0];
    for (let y = 0; y < 96; y++) {
      for (let x = 0; x < 128; x++) {
        const [column, row] = [x - mask.x, y - mask.y];
        const within = column >= 0 && row >= 0 && column < mask.width && row < mask.height;
        const set = within && mask.data[row * mask.width + column] === 1;
        const truth = isInside(x + 0.5, y + 0.5);
        if (set && truth) both++;
        if (set || truth) either++;
      }
    }
    // The rectangle covers whole pixels, up to √2 / 2 past each slanted side: 80 × 16 of at most 81.4 × 17.4.
    expect(both / either).toBeGreaterThan((80 * 16) / (81.4 * 17.4) - 0.01);
  });

  it('takes pictures of any size at most 960 long, in multiples of 32', () => {
    const { resize } = dbText.bind(signature, {}).input;
    expect(resize).toEqual({ mode: 'limit', longest: 960, multiple: 32 });
  });
});
