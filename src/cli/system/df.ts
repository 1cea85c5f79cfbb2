import { type Command, NO_ARGUMENTS } from "../command.ts";
import { BOOL, STRING } from "../flags/flag-types.ts";
import { formatList, type ListLayout, type Row } from "../format/list-format.ts";
import { humanSize } from "../format/units.ts";
import { FORMAT_USAGE } from "../format/usage.ts";

/** What we read of `GET /system/df`. */
export interface DiskUsage {
  LayersSize?: number;
  Images: { Size: number; SharedSize: number; Containers: number }[] | null;
  Containers: { State: string; SizeRw?: number }[] | null;
  Volumes: { UsageData?: { Size: number; RefCount: number } | null }[] | null;
  BuildCache: { Size: number; InUse: boolean; Shared: boolean }[] | null;
}

const LAYOUT: ListLayout = {
  headers: { Type: "TYPE", TotalCount: "TOTAL", Active: "ACTIVE", Size: "SIZE", Reclaimable: "RECLAIMABLE" },
  table: "{{.Type}}\t{{.TotalCount}}\t{{.Active}}\t{{.Size}}\t{{.Reclaimable}}",
  rowType: "*formatter.diskUsageContext",
  quiet: "Type",
};

export const command: Command = {
  usage: "[OPTIONS]",
  short: "Show docker disk usage",
  aliases: ["system df"],
  flags: [
    { name: "format", type: STRING, usage: FORMAT_USAGE },
    { name: "verbose", short: "v", type: BOOL, usage: "Show detailed information on space usage" },
  ],
  arity: NO_ARGUMENTS,
  examples: [["system df", "What images, containers and volumes take, and what `prune` would give back"]],
  async run(context, flags) {
    if (flags.bool("verbose")) throw new Error("system df --verbose is not available yet in this version of Gantry");
    const transport = await context.connect();
    const usage = await (await transport.call("GET", "/system/df")).json<DiskUsage>();
    await context.io.out(formatList(LAYOUT, usageRows(usage), { format: flags.string("format"), quiet: false }));
    return 0;
  },
};

const sum = <T>(items: readonly T[], size: (item: T) => number) => items.reduce((total, item) => total + size(item), 0);

/** One row for each kind of thing. Pure. */
export function usageRows(usage: DiskUsage): Row[] {
  const images = usage.Images ?? [];
  const imageBytes = usage.LayersSize ?? 0;
  const imagesInUse = images.filter((image) => image.Containers > 0);
  const bytesInUse = sum(imagesInUse, (image) =>
    image.Size < 0 || image.SharedSize < 0 ? 0 : image.Size - image.SharedSize,
  );
  const containers = usage.Containers ?? [];
  const active = (container: { State: string }) => /^(running|paused|restarting)$/i.test(container.State);
  const volumes = (usage.Volumes ?? []).map((volume) => volume.UsageData ?? { Size: 0, RefCount: 0 });
  const cache = usage.BuildCache ?? [];
  const bytes = (item: { SizeRw?: number }) => item.SizeRw ?? 0;
  return [
    row("Images", [images.length, imagesInUse.length], imageBytes, imageBytes - bytesInUse),
    row(
      "Containers",
      [containers.length, containers.filter(active).length],
      sum(containers, bytes),
      sum(
        containers.filter((container) => !active(container)),
        bytes,
      ),
    ),
    row(
      "Local Volumes",
      [volumes.length, volumes.filter((volume) => volume.RefCount > 0).length],
      sum(volumes, (volume) => Math.max(0, volume.Size)),
      sum(volumes, (volume) => (volume.RefCount === 0 ? Math.max(0, volume.Size) : 0)),
    ),
    {
      ...row(
        "Build Cache",
        [cache.length, cache.filter((item) => item.InUse).length],
        sum(cache, (item) => (item.Shared ? 0 : item.Size)),
        0,
      ),
      Reclaimable: humanSize(sum(cache, (item) => (item.InUse || item.Shared ? 0 : item.Size))),
    },
  ];
}

function row(type: string, [total, active]: [number, number], bytes: number, reclaimableBytes: number): Row {
  const percent = bytes > 0 ? ` (${Math.trunc((reclaimableBytes * 100) / bytes)}%)` : "";
  return {
    Type: type,
    TotalCount: String(total),
    Active: String(active),
    Size: humanSize(bytes),
    Reclaimable: `${humanSize(reclaimableBytes)}${percent}`,
  };
}
