export interface Segment {
  /** Index of the layer. */
  layer: number;
  /** In units of the whole bar's width. */
  x: number;
  width: number;
}

/** No layer is thinner than this, or the picture would hide it. */
const LEAST_WIDTH = 4;

/** Where each layer lies in a bar of `total` units. Layers too thin to see are widened at the cost of the others, in proportion. */
export function segmentsOf(sizes: readonly number[], total: number): Segment[] {
  const sum = sizes.reduce((all, size) => all + size, 0);
  const least = Math.min(LEAST_WIDTH, total / Math.max(1, sizes.length));
  const wanted = sizes.map((size) => Math.max(least, sum === 0 ? least : (size / sum) * total));
  const surplus = wanted.reduce((all, width) => all + width, 0) - total;
  const spare = wanted.reduce((all, width) => all + (width - least), 0);
  let x = 0;
  return wanted.map((width, layer) => {
    const fitted = spare === 0 ? total / sizes.length : width - ((width - least) / spare) * surplus;
    const segment = { layer, x, width: fitted };
    x += fitted;
    return segment;
  });
}
