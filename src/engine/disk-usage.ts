import type { Builder, CacheRecord } from "../builder/builder.ts";
import type { Container, Containers } from "../containers/containers.ts";
import type { ImagesUsage } from "../images/usage.ts";
import type { SurveyRow } from "../kernel/survey.ts";
import type { Housekeeper } from "../storage/snapshots/housekeeper.ts";
import type { Snapshots } from "../storage/snapshots/snapshots.ts";
import type { Volume, Volumes } from "../volumes/volumes.ts";
import { DATA_PARTS, EXEC_PARTS, type Part } from "./data-layout.ts";

export type UsageKind = "container" | "image" | "volume" | "build-cache";

export interface VolumeUsage {
  volume: Volume;
  sizeBytes: number;
  /** Containers that refer to it. */
  references: number;
}

/** Everything of one kind below the data or exec root. */
export interface DirectoryUsage {
  /** Absolute; `*` stands for a name of each object. */
  path: string;
  purpose: string;
  /** As `du --apparent-size` counts: files, directories, links; an inode once. */
  bytes: number;
  entries: number;
}

/** Only what was asked for is there. */
export interface DiskUsage {
  images?: ImagesUsage;
  /** With `sizes`. */
  containers?: Container[];
  volumes?: VolumeUsage[];
  buildCache?: CacheRecord[];
  /** Together exactly what lies below the two roots. */
  directories?: DirectoryUsage[];
}

export interface DiskUsageDeps {
  dataRoot: string;
  execRoot: string;
  images: { usage(): Promise<ImagesUsage> };
  builder: Pick<Builder, "cache">;
  containers: Pick<Containers, "list">;
  volumes: Pick<Volumes, "list" | "holders">;
  snapshots: Pick<Snapshots, "imageUsage">;
  housekeeper: Pick<Housekeeper, "survey">;
}

/** What `GET /system/df` is made of. Trees are walked by the housekeeper; whoever asks while it walks shares the next walk. */
export async function diskUsage(
  deps: DiskUsageDeps,
  wanted: { kinds: UsageKind[]; directories: boolean },
): Promise<DiskUsage> {
  const survey = wanted.directories ? await surveyRoots(deps) : undefined;
  const rowsOf = async (directory: string, rule: string) =>
    survey?.data.filter((row) => row.rule === `${directory}/${rule}`) ??
    (await deps.housekeeper.survey(`${deps.dataRoot}/${directory}`, [rule])).filter((row) => row.rule === rule);
  const usage: DiskUsage = {};
  if (wanted.kinds.includes("image")) usage.images = await deps.images.usage();
  if (wanted.kinds.includes("container"))
    usage.containers = await containerUsage(deps, await rowsOf("snapshots/active", "*/fs"));
  if (wanted.kinds.includes("volume")) usage.volumes = await volumeUsage(deps, await rowsOf("volumes", "*/_data"));
  if (wanted.kinds.includes("build-cache")) usage.buildCache = await deps.builder.cache();
  if (survey !== undefined) {
    usage.directories = [
      ...directoriesOf(deps.dataRoot, DATA_PARTS, survey.data),
      ...directoriesOf(deps.execRoot, EXEC_PARTS, survey.exec),
    ];
  }
  return usage;
}

/** An exec root within the data root is part of it. */
async function surveyRoots({
  dataRoot,
  execRoot,
  housekeeper,
}: DiskUsageDeps): Promise<{ data: SurveyRow[]; exec: SurveyRow[] }> {
  const survey = (root: string, parts: Part[]) =>
    housekeeper.survey(
      root,
      parts.map(({ rule }) => rule).filter((rule) => rule !== ""),
    );
  const inside = execRoot === dataRoot || execRoot.startsWith(`${dataRoot}/`);
  return { data: await survey(dataRoot, DATA_PARTS), exec: inside ? [] : await survey(execRoot, EXEC_PARTS) };
}

function directoriesOf(root: string, parts: Part[], rows: SurveyRow[]): DirectoryUsage[] {
  return parts.flatMap(({ rule, purpose }) => {
    const own = rows.filter((row) => row.rule === rule);
    if (own.length === 0) return [];
    const total = (size: (row: SurveyRow) => number) => own.reduce((sum, row) => sum + size(row), 0);
    return {
      path: rule === "" ? root : `${root}/${rule}`,
      purpose,
      bytes: total(({ apparentBytes }) => apparentBytes),
      entries: total(({ entries }) => entries),
    };
  });
}

async function containerUsage({ containers, snapshots }: DiskUsageDeps, rows: SurveyRow[]): Promise<Container[]> {
  const bytes = new Map(rows.map(({ key, fileBytes }) => [key, fileBytes]));
  const found = await containers.list({ all: true, limit: 0, size: false, filters: {} });
  return found.flatMap((container) => {
    const writableBytes = bytes.get(container.id) ?? 0;
    try {
      const rootBytes = writableBytes + snapshots.imageUsage(container.id);
      return Object.assign(container, { sizes: { writableBytes, rootBytes } });
    } catch {
      // Removed since it was listed.
      return [];
    }
  });
}

async function volumeUsage({ volumes }: DiskUsageDeps, rows: SurveyRow[]): Promise<VolumeUsage[]> {
  const bytes = new Map(rows.map(({ key, fileBytes }) => [key, fileBytes]));
  return (await volumes.list({})).volumes.map((volume) => ({
    volume,
    sizeBytes: bytes.get(volume.name) ?? 0,
    references: volumes.holders(volume.name).length,
  }));
}
