/** Upper bounds of the latency histogram, in seconds. */
const BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60];

export interface RequestFacts {
  method: string;
  /** Kind of what was asked for, never its name: the number of series stays small. */
  route: string;
  status: number;
  seconds: number;
  bytesIn: number;
  /** As the answer's head promised; a client that goes away gets less. */
  bytesOut: number;
}

/** Counters of one process, as Prometheus reads them. */
export interface Metrics {
  request(facts: RequestFacts): void;
  collected(result: { bytes: number; blobs: number } | "failed"): void;
  render(gauges: Record<string, number>): string;
}

interface Histogram {
  counts: number[];
  sum: number;
  count: number;
}

export function createMetrics(): Metrics {
  const requests = new Map<string, number>();
  const latencies = new Map<string, Histogram>();
  const totals = { bytesIn: 0, bytesOut: 0, gcRuns: 0, gcFailures: 0, gcBytes: 0, gcBlobs: 0 };
  return {
    request({ method, route, status, seconds, bytesIn, bytesOut }) {
      const key = `method="${method}",route="${route}",status="${status}"`;
      requests.set(key, (requests.get(key) ?? 0) + 1);
      observe(latencies, `route="${route}"`, seconds);
      totals.bytesIn += bytesIn;
      totals.bytesOut += bytesOut;
    },
    collected(result) {
      if (result === "failed") {
        totals.gcFailures++;
        return;
      }
      totals.gcRuns++;
      totals.gcBytes += result.bytes;
      totals.gcBlobs += result.blobs;
    },
    render(gauges) {
      const lines: string[] = [];
      const one = (name: string, type: string, value: number) =>
        lines.push(`# TYPE gantry_registry_${name} ${type}`, `gantry_registry_${name} ${value}`);
      lines.push("# TYPE gantry_registry_requests_total counter");
      for (const [key, value] of requests) lines.push(`gantry_registry_requests_total{${key}} ${value}`);
      lines.push("# TYPE gantry_registry_request_seconds histogram");
      for (const [key, histogram] of latencies) lines.push(...renderHistogram(key, histogram));
      one("received_bytes_total", "counter", totals.bytesIn);
      one("sent_bytes_total", "counter", totals.bytesOut);
      one("gc_runs_total", "counter", totals.gcRuns);
      one("gc_failures_total", "counter", totals.gcFailures);
      one("gc_freed_bytes_total", "counter", totals.gcBytes);
      one("gc_removed_blobs_total", "counter", totals.gcBlobs);
      for (const [name, value] of Object.entries(gauges)) one(name, "gauge", value);
      return `${lines.join("\n")}\n`;
    },
  };
}

function observe(latencies: Map<string, Histogram>, key: string, seconds: number): void {
  let histogram = latencies.get(key);
  if (histogram === undefined) {
    histogram = { counts: BUCKETS.map(() => 0), sum: 0, count: 0 };
    latencies.set(key, histogram);
  }
  const index = BUCKETS.findIndex((bound) => seconds <= bound);
  if (index >= 0) histogram.counts[index] = (histogram.counts[index] ?? 0) + 1;
  histogram.sum += seconds;
  histogram.count++;
}

function renderHistogram(key: string, { counts, sum, count }: Histogram): string[] {
  let below = 0;
  const name = "gantry_registry_request_seconds";
  const lines = BUCKETS.map((bound, index) => {
    below += counts[index] ?? 0;
    return `${name}_bucket{${key},le="${bound}"} ${below}`;
  });
  return [
    ...lines,
    `${name}_bucket{${key},le="+Inf"} ${count}`,
    `${name}_sum{${key}} ${sum}`,
    `${name}_count{${key}} ${count}`,
  ];
}
