import type { WireVertex } from "../../../wire/build-messages.ts";

/** Where a step stands: columns are stages, rows go down from what a step uses to the step. */
export interface PlacedVertex {
  vertex: WireVertex;
  column: number;
  row: number;
}

export interface GraphLayout {
  /** Names of the stages, by column; "" for what belongs to none. */
  columns: string[];
  placed: PlacedVertex[];
  /** Places in `placed`. */
  edges: { from: number; to: number }[];
  rows: number;
}

/** Each step below all that it uses, no two in one place. Inputs that are not among the vertices are passed over. Pure. */
export function layoutGraph(vertices: readonly WireVertex[]): GraphLayout {
  const indexOf = new Map(vertices.map(({ Digest }, index) => [Digest, index]));
  const inputs = vertices.map(({ Inputs }, self) => {
    const known = Inputs.map((digest) => indexOf.get(digest));
    return [...new Set(known)].filter((index): index is number => index !== undefined && index !== self);
  });
  const columns = [...new Set(vertices.map(({ Stage }) => Stage))].toSorted(
    (a, b) => Number(a !== "") - Number(b !== ""),
  );
  const rows: number[] = [];
  const taken = new Set<string>();
  const placed: PlacedVertex[] = [];
  for (const index of inputsFirst(inputs)) {
    const vertex = vertices[index] as WireVertex;
    const column = columns.indexOf(vertex.Stage);
    let row = Math.max(0, ...(inputs[index] ?? []).map((input) => (rows[input] ?? -1) + 1));
    while (taken.has(`${column} ${row}`)) row++;
    taken.add(`${column} ${row}`);
    rows[index] = row;
    placed[index] = { vertex, column, row };
  }
  const edges = inputs.flatMap((all, to) => all.map((from) => ({ from, to })));
  return { columns, placed, edges, rows: Math.max(0, ...rows) + 1 };
}

/** Every index after those that it uses. What goes round in a circle (no build does) comes as it is. */
function inputsFirst(inputs: readonly (readonly number[])[]): number[] {
  const order: number[] = [];
  const seen = new Set<number>();
  for (let start = 0; start < inputs.length; start++) {
    const path = [{ index: start, next: 0 }];
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const input = inputs[top.index]?.[top.next++];
      if (input !== undefined) {
        if (!seen.has(input) && !path.some(({ index }) => index === input)) path.push({ index: input, next: 0 });
        continue;
      }
      path.pop();
      if (!seen.has(top.index)) order.push(top.index);
      seen.add(top.index);
    }
  }
  return order;
}
