export interface WireVolume {
  CreatedAt: string;
  Driver: string;
  Labels: Record<string, string> | null;
  Mountpoint: string;
  Name: string;
  Options: Record<string, string> | null;
  Scope: string;
  /** In `GET /system/df` only. */
  UsageData?: { Size: number; RefCount: number };
}

/** `POST /volumes/create`. */
export interface WireVolumeCreate {
  Name?: string;
  Driver?: string;
  DriverOpts?: Record<string, string>;
  Labels?: Record<string, string>;
}

export interface WireVolumeList {
  Volumes: WireVolume[];
  Warnings: string[] | null;
}

export interface WireVolumesPruned {
  VolumesDeleted: string[] | null;
  SpaceReclaimed: number;
}
