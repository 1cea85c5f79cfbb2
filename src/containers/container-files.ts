import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";

/** The files of one container below the data root. */
export interface ContainerPaths {
  directory: string;
  hostname: string;
  hosts: string;
  resolvConf: string;
  log: string;
}

export function containerPaths(root: string, id: string): ContainerPaths {
  const directory = `${root}/${id}`;
  return {
    directory,
    hostname: `${directory}/hostname`,
    hosts: `${directory}/hosts`,
    resolvConf: `${directory}/resolv.conf`,
    log: `${directory}/${id}-json.log`,
  };
}

export function makeContainerDirectory(paths: ContainerPaths): void {
  mkdirSync(paths.directory, { mode: 0o710 });
}

/** Absent: nothing. */
export function removeContainerDirectory(paths: ContainerPaths): void {
  rmSync(paths.directory, { recursive: true, force: true });
}

export function writeEtcFiles(
  paths: ContainerPaths,
  files: { hostname: string; hosts: string; resolvConf: string },
): void {
  writeFileSync(paths.hostname, files.hostname, { mode: 0o644 });
  writeFileSync(paths.hosts, files.hosts, { mode: 0o644 });
  writeFileSync(paths.resolvConf, files.resolvConf, { mode: 0o644 });
}

/** A file of the host's /etc; "" where it has none. */
export function readHostFile(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
