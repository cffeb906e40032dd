import { expect, it } from 'vitest';
import { pairwiseSum } from '../../src/eval/sum.ts';

// numpy 2.4: np.add.reduce(1 / (np.arange(n) + 3.0)).
it.each([
  [0, 0],
  [5, 1.0928571428571427],
  [8, 1.4289682539682538],
  [100, 3.707082429307257],
  [129, 3.956224926052236],
  [200, 4.387956567549058],
  [1000, 5.987467865541362],
  [12345, 8.498424557589608],
])('adds %d numbers as numpy does, to the last bit', (n, expected) => {
  const values = Float64Array.from({ length: n + 1 }, (_, i) => 1 / (i + 2));
  expect(pairwiseSum(values, 1, n + 1)).toBe(expected);
});
