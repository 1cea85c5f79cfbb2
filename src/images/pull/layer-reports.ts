import { shortId } from "../../base/ids.ts";
import { type Digest, hexOf } from "../../formats/oci/digest.ts";
import type { ProgressMessage } from "../images.ts";
import type { LayerState } from "./fetch-layer.ts";

/** Counts of bytes are told no more often. */
const REPORT_MS = 100;

export interface LayerReporter {
  update(state: LayerState): void;
  say(status: string): void;
}

/** What a layer is called in a progress stream. */
export function layerId({ digest }: { digest: Digest }): string {
  return shortId(hexOf(digest));
}

/** The messages of one layer, in Docker's words and order. `report` may outlive its client: then nobody listens. */
export function createLayerReporter(
  blob: { digest: Digest; sizeBytes: number },
  report: (message: ProgressMessage) => void,
  nowMs: () => number,
): LayerReporter {
  const id = layerId(blob);
  const total = blob.sizeBytes;
  let toldAtMs = Number.NEGATIVE_INFINITY;
  let isDownloaded = false;
  const say = (status: string) => report({ id, status });
  const count = (status: string, current: number) => {
    if (nowMs() - toldAtMs < REPORT_MS) return;
    toldAtMs = nowMs();
    report({ id, status, current, total });
  };
  return {
    say,
    update(state) {
      switch (state.state) {
        case "downloading":
          return count("Downloading", state.currentBytes);
        case "retrying":
          return say(`Retrying in ${seconds(state.delayMs)}`);
        case "downloaded":
          isDownloaded = true;
          say("Verifying Checksum");
          return say("Download complete");
        case "extracting":
          // While bytes still come, how many have come tells more.
          if (isDownloaded) count("Extracting", state.currentBytes);
      }
    },
  };
}

function seconds(ms: number): string {
  const count = Math.max(1, Math.round(ms / 1000));
  return count === 1 ? "1 second" : `${count} seconds`;
}
