import type { WireHealthcheck } from "./containers.ts";

/** `GET /images/json`. */
export interface WireImageSummary {
  Id: string;
  ParentId: string;
  RepoTags: string[];
  RepoDigests: string[];
  /** Seconds since the epoch. */
  Created: number;
  Size: number;
  SharedSize: number;
  /** Until 1.43. */
  VirtualSize?: number;
  Labels: Record<string, string> | null;
  Containers: number;
}

/** What an image says about its containers. Empty values are left out since 1.52. */
export interface WireImageConfig {
  User?: string;
  ExposedPorts?: Record<string, Record<string, never>>;
  Env?: string[] | null;
  Cmd?: string[] | null;
  Healthcheck?: WireHealthcheck;
  Volumes?: Record<string, Record<string, never>> | null;
  WorkingDir?: string;
  Entrypoint?: string[] | null;
  OnBuild?: string[] | null;
  Labels?: Record<string, string> | null;
  StopSignal?: string;
  Shell?: string[];
}

/** `GET /images/{name}/json`. */
export interface WireImageInspect {
  Id: string;
  RepoTags: string[];
  RepoDigests: string[];
  Parent?: string;
  Comment?: string;
  Created?: string;
  /** Until 1.44. */
  Container?: string;
  ContainerConfig?: Record<string, unknown>;
  DockerVersion?: string;
  Author?: string;
  Config: WireImageConfig;
  Architecture: string;
  Variant?: string;
  Os: string;
  Size: number;
  /** Until 1.43. */
  VirtualSize?: number;
  GraphDriver?: { Name: string; Data: Record<string, string> | null };
  RootFS: { Type: string; Layers?: string[] };
  Metadata: { LastTagTime: string };
}

/** `GET /images/{name}/history`. */
export interface WireHistoryEntry {
  Id: string;
  Created: number;
  CreatedBy: string;
  Tags: string[] | null;
  Size: number;
  Comment: string;
}

/** `POST /images/prune`. */
export interface WireImagesPruned {
  ImagesDeleted: WireImageRemoved[] | null;
  SpaceReclaimed: number;
}

/** `DELETE /images/{name}`: each item has one of the two. */
export interface WireImageRemoved {
  Untagged?: string;
  Deleted?: string;
}
