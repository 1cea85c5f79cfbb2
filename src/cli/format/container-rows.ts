import type { ListLayout, Row } from "./list-format.ts";
import { formatPorts, type ListedPort } from "./ports.ts";
import { ellipsis, goTime, humanDuration, humanSize } from "./units.ts";

/** What the list reads of `GET /containers/json`. */
export interface ListedContainer {
  Id: string;
  Names: string[] | null;
  Image: string;
  ImageID: string;
  Command: string;
  Created: number;
  Ports: ListedPort[] | null;
  SizeRw?: number;
  SizeRootFs?: number;
  Labels: Record<string, string> | null;
  State: string;
  Status: string;
  NetworkSettings?: { Networks?: Record<string, unknown> | null } | null;
  Mounts?: { Type?: string; Name?: string; Source?: string; Destination?: string; Driver?: string }[] | null;
}

const SHORT_ID = 12;
const COMMAND_WIDTH = 20;
const MOUNT_WIDTH = 15;

export function containerLayout(showSize: boolean): ListLayout {
  const columns = ["ID", "Image", "Command", "RunningFor", "Status", "Ports", "Names"];
  if (showSize) columns.push("Size");
  return {
    headers: {
      ID: "CONTAINER ID",
      Names: "NAMES",
      Image: "IMAGE",
      Command: "COMMAND",
      CreatedAt: "CREATED AT",
      RunningFor: "CREATED",
      Ports: "PORTS",
      State: "STATE",
      Status: "STATUS",
      Size: "SIZE",
      Labels: "LABELS",
      Mounts: "MOUNTS",
      LocalVolumes: "LOCAL VOLUMES",
      Networks: "NETWORKS",
      Platform: "PLATFORM",
    },
    table: columns.map((name) => `{{.${name}}}`).join("\t"),
    rowType: "*formatter.ContainerContext",
    quiet: "ID",
  };
}

export function containerRow(container: ListedContainer, options: { noTrunc: boolean; now: Date }): Row {
  const { noTrunc } = options;
  const created = new Date(container.Created * 1000);
  const labels = container.Labels ?? {};
  const mounts = container.Mounts ?? [];
  const volumes = mounts.filter((mount) => mount.Driver === "local").length;
  const mountNames = mounts.map((mount) => mount.Name || mount.Source || "");
  const command = noTrunc ? container.Command : ellipsis(container.Command, COMMAND_WIDTH);
  return {
    ID: noTrunc ? container.Id : container.Id.slice(0, SHORT_ID),
    Names: displayNames(container.Names ?? [], noTrunc),
    Image: displayImage(container, noTrunc),
    Command: JSON.stringify(command),
    // Only when asked for: the first look at a time zone costs milliseconds.
    get CreatedAt() {
      return goTime(created);
    },
    RunningFor: `${humanDuration(options.now.getTime() - created.getTime())} ago`,
    Ports: formatPorts(container.Ports ?? []),
    State: container.State,
    Status: container.Status,
    Size: displaySize(container),
    Labels: Object.keys(labels)
      .toSorted()
      .map((key) => `${key}=${labels[key]}`)
      .join(","),
    Label: (name: unknown) => labels[String(name)] ?? "",
    Mounts: mountNames.map((name) => (noTrunc ? name : ellipsis(name, MOUNT_WIDTH))).join(","),
    LocalVolumes: String(volumes),
    Networks: Object.keys(container.NetworkSettings?.Networks ?? {})
      .toSorted()
      .join(","),
    Platform: null,
  };
}

/** Names of links (`/other/alias`) are left out unless nothing is to be cut. */
function displayNames(names: readonly string[], noTrunc: boolean): string {
  const plain = names.map((name) => name.replace(/^\//, ""));
  return (noTrunc ? plain : plain.filter((name) => !name.includes("/"))).join(",");
}

/** An image that has lost its name is shown by its short ID. */
function displayImage(container: ListedContainer, noTrunc: boolean): string {
  if (container.Image === "") return "<no image>";
  if (noTrunc) return container.Image;
  const short = container.ImageID.replace(/^sha256:/, "").slice(0, SHORT_ID);
  if (container.Image.replace(/^sha256:/, "").startsWith(short) && /^(sha256:)?[0-9a-f]{12,}$/.test(container.Image))
    return short;
  return container.Image.replace(/^([^@]*[^@:]+:[^@]+)@sha256:[0-9a-f]{64}$/, "$1");
}

function displaySize(container: ListedContainer): string {
  const own = humanSize(container.SizeRw ?? 0, 3);
  return (container.SizeRootFs ?? 0) > 0 ? `${own} (virtual ${humanSize(container.SizeRootFs ?? 0, 3)})` : own;
}
