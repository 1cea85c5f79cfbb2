/** `POST /containers/{id}/exec`. */
export interface WireExecCreate {
  AttachStdin?: boolean;
  AttachStdout?: boolean;
  AttachStderr?: boolean;
  /** [height, width]. */
  ConsoleSize?: [number, number];
  DetachKeys?: string;
  Tty?: boolean;
  Env?: string[];
  Cmd?: string[];
  Privileged?: boolean;
  User?: string;
  WorkingDir?: string;
}

/** `POST /exec/{id}/start`. */
export interface WireExecStart {
  Detach?: boolean;
  Tty?: boolean;
  ConsoleSize?: [number, number];
}

/** `GET /exec/{id}/json`. */
export interface WireExecInspect {
  ID: string;
  Running: boolean;
  ExitCode: number | null;
  ProcessConfig: {
    tty: boolean;
    entrypoint: string;
    arguments: string[];
    privileged: boolean;
    user?: string;
  };
  OpenStdin: boolean;
  OpenStderr: boolean;
  OpenStdout: boolean;
  CanRemove: boolean;
  ContainerID: string;
  /** Key codes; text for the default. */
  DetachKeys: string;
  Pid: number;
}
