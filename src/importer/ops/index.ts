import { activations } from './activation.ts';
import { arithmetic } from './arithmetic.ts';
import { convolutions } from './convolution.ts';
import { matMuls } from './matmul.ts';
import type { Operators } from './operator.ts';
import { pooling } from './pooling.ts';
import { shapes } from './shape.ts';
import { slicing } from './slicing.ts';

/** Every TensorFlow operator that can be imported. */
export const operators: Operators = {
  ...activations,
  ...arithmetic,
  ...convolutions,
  ...matMuls,
  ...pooling,
  ...shapes,
  ...slicing,
};
