/** Of each column of a row-major matrix, whether any of its numbers leaves 0…1, where probabilities stay. */
export function leavesUnit(data: Float32Array, columns: number): boolean[] {
  const leaves = new Array<boolean>(columns).fill(false);
  // Half precision and int8 overshoot a little.
  data.forEach((value, i) => {
    if (!(value >= -0.01 && value <= 1.01)) leaves[i % columns] = true;
  });
  return leaves;
}
