/** Whether every word of the query occurs in the name, in any order; upper and lower case are the same. */
export function matches(name: string, query: string): boolean {
  const lower = name.toLowerCase();
  return wordsOf(query).every((word) => lower.includes(word));
}

export interface Piece {
  text: string;
  hit: boolean;
}

/** The name in pieces, so that what was found can be shown. */
export function markMatches(name: string, query: string): Piece[] {
  const lower = name.toLowerCase();
  const hit = Array.from({ length: name.length }, () => false);
  for (const word of wordsOf(query)) {
    for (let at = lower.indexOf(word); at >= 0; at = lower.indexOf(word, at + 1)) hit.fill(true, at, at + word.length);
  }
  const pieces: Piece[] = [];
  for (const [index, isHit] of hit.entries()) {
    const last = pieces.at(-1);
    if (last !== undefined && last.hit === isHit) last.text += name.charAt(index);
    else pieces.push({ text: name.charAt(index), hit: isHit });
  }
  return pieces;
}

function wordsOf(query: string): string[] {
  return query
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== "");
}
