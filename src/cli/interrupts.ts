/** POSIX numbers: a program that ends by itself on a signal answers 128 and the number. */
const SIGNALS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;

/**
 * What is to be put in order when a signal ends us (^C among them): returns the way to ask for it, which returns the way to ask
 * no more. While nothing is asked for, signals do what they always do.
 */
export function createInterrupts(exit: (code: number) => void): (cleanup: () => Promise<void>) => () => void {
  const cleanups = new Set<() => Promise<void>>();
  const handlers = Object.entries(SIGNALS).map(([signal, number]): [string, () => void] => [
    signal,
    () => {
      const all = [...cleanups].map((cleanup) => cleanup());
      Promise.allSettled(all).then(
        () => exit(128 + number),
        () => exit(128 + number),
      );
    },
  ]);
  return (cleanup) => {
    if (cleanups.size === 0) for (const [signal, handler] of handlers) process.on(signal, handler);
    cleanups.add(cleanup);
    return () => {
      cleanups.delete(cleanup);
      if (cleanups.size === 0) for (const [signal, handler] of handlers) process.off(signal, handler);
    };
  };
}
