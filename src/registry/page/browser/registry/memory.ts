/** Keeps the last `limit` results by key; what failed is not kept. */
export function createMemory<T>(limit: number): (key: string, make: () => Promise<T>) => Promise<T> {
  const kept = new Map<string, T>();
  return async (key, make) => {
    const known = kept.get(key);
    if (known !== undefined) return known;
    const made = await make();
    kept.set(key, made);
    for (const oldest of kept.keys()) {
      if (kept.size <= limit) break;
      kept.delete(oldest);
    }
    return made;
  };
}
