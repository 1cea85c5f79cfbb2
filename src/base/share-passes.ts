/**
 * One pass at a time: who calls while one is under way waits for the next, which all who come meanwhile share. So a result is never
 * older than the call, and no number of callers makes more than two passes.
 */
export function sharePasses<T>(pass: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | undefined;
  let next: Promise<T> | undefined;
  const start = (): Promise<T> => {
    const current = pass().finally(() => {
      if (running === current) running = undefined;
    });
    running = current;
    return current;
  };
  return () => {
    if (running === undefined) return start();
    next ??= running
      .catch(() => undefined)
      .then(() => {
        next = undefined;
        return start();
      });
    return next;
  };
}

/** The same for passes of many names, each on its own. The pass of a name's first caller is used for all who share it. */
export function sharePassesByKey<T>(): (key: string, pass: () => Promise<T>) => Promise<T> {
  const keys = new Map<string, { call: () => Promise<T>; callers: number }>();
  return async (key, pass) => {
    const known = keys.get(key) ?? { call: sharePasses(pass), callers: 0 };
    keys.set(key, known);
    known.callers++;
    try {
      return await known.call();
    } finally {
      if (--known.callers === 0) keys.delete(key);
    }
  };
}
