/** A named or anonymous volume of the `local` driver: `<root>/volumes/<name>/_data`. */
export interface Volume {
  name: string;
  driver: string;
  mountpoint: string;
  createdAt: Date;
  labels: Record<string, string>;
  options: Record<string, string>;
  scope: "local";
  anonymous: boolean;
}

export interface VolumeSpec {
  name: string;
  driver: string;
  labels: Record<string, string>;
  options: Record<string, string>;
  /** Made for a container that named none: `prune` takes it without `all`, `rm -v` with its container. */
  anonymous?: boolean;
}

export interface Volumes {
  /** An existing volume of the same name and driver is returned as it is. `name` "": a random one, anonymous. */
  create(spec: VolumeSpec): Promise<Volume>;
  get(name: string): Promise<Volume>;
  list(filters: Record<string, string[]>): Promise<{ volumes: Volume[]; warnings: string[] }>;
  /** Throws conflict while a container refers to it. */
  remove(name: string, options: { force: boolean }): Promise<void>;
  prune(filters: Record<string, string[]>): Promise<{ removed: string[]; reclaimedBytes: number }>;
  /** Number of containers that refer to the volume, for `system df`. */
  holders(name: string): string[];
  /** Notes that a container refers to the volume: it cannot be removed until `release`. Not persisted: containers say it again. */
  hold(name: string, containerId: string): void;
  release(name: string, containerId: string): void;
  /** Removes a volume that may be gone already or still be held by others: then nothing happens. */
  discard(name: string): Promise<void>;
}
