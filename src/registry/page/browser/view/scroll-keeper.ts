/** Content that arrives later than this does not move the page under the reader any more. */
const PATIENCE_MS = 2_000;

/**
 * Brings the reader back to where they were when they go back. Views draw themselves when their content arrives, which is too late
 * for what the browser does by itself.
 */
export function createScrollKeeper(): { arrive(signal: AbortSignal): void } {
  history.scrollRestoration = "manual";
  const places = new Map<string, number>();
  let wentBack = false;
  let here = location.hash;
  window.addEventListener("popstate", (event) => {
    // A followed link gives a new entry, without a state; entries that were left once have one.
    wentBack = event.state !== null;
  });
  window.addEventListener("scroll", () => places.set(here, scrollY), { passive: true });

  return {
    arrive(signal) {
      here = location.hash;
      const goal = wentBack ? (places.get(here) ?? 0) : 0;
      wentBack = false;
      history.replaceState({ seen: true }, "");
      scrollTo(0, goal);
      if (goal > 0) followGrowth(goal, signal);
    },
  };
}

function followGrowth(goal: number, signal: AbortSignal): void {
  const observer = new ResizeObserver(() => {
    scrollTo(0, goal);
    if (Math.abs(scrollY - goal) < 1) observer.disconnect();
  });
  const stop = () => observer.disconnect();
  observer.observe(document.body);
  setTimeout(stop, PATIENCE_MS);
  for (const event of ["wheel", "touchstart", "keydown"])
    addEventListener(event, stop, { once: true, passive: true, signal });
  signal.addEventListener("abort", stop, { once: true });
}
