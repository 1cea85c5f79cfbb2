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

export interface Volumes {
  /** An existing volume of the same name and driver is returned as it is. `name` "": a random one, anonymous. */
  create(spec: {
    name: string;
    driver: string;
    labels: Record<string, string>;
    options: Record<string, string>;
  }): Promise<Volume>;
  get(name: string): Promise<Volume>;
  list(filters: Record<string, string[]>): Promise<{ volumes: Volume[]; warnings: string[] }>;
  /** Throws conflict while a container refers to it. */
  remove(name: string, options: { force: boolean }): Promise<void>;
  prune(filters: Record<string, string[]>): Promise<{ removed: string[]; reclaimedBytes: number }>;
}
