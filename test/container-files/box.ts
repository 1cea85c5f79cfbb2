import { readdirSync } from "node:fs";
import type { WireChange, WirePathStat } from "../../src/wire/containers.ts";
import { type Api, apiOf } from "../attacks/api.ts";
import { startDaemon, type TestDaemon } from "../harness/daemon.ts";
import { type Member, readTar } from "./tar.ts";

const STAT_HEADER = "X-Docker-Container-Path-Stat";

/** A daemon, and the archive part of its API. */
export interface Box {
  daemon: TestDaemon;
  api: Api;
  /** HEAD: the path's status, or the HTTP status of the refusal. */
  stat(id: string, path: string): Promise<WirePathStat | number>;
  /** GET: the archive's members and the path's status. Throws with the daemon's words. */
  read(id: string, path: string): Promise<{ members: Map<string, Member>; stat: WirePathStat }>;
  /** PUT: HTTP status, and the message of a refusal. */
  write(id: string, path: string, archive: Uint8Array, query?: string): Promise<{ status: number; message: string }>;
  changes(id: string): Promise<string[]>;
  /** The directory of a container's own changes. */
  upper(id: string): Promise<string>;
  /** A busybox that did what the script says and goes on; starts when the script is done. */
  running(script: string, more?: object): Promise<string>;
  /** Descriptors, threads and mounts of the daemon. */
  holdings(): { descriptors: number; threads: number };
}

export async function openBox(): Promise<Box> {
  const daemon = await startDaemon();
  const api = apiOf(daemon);
  const place = (id: string, path: string) => `/containers/${id}/archive?path=${encodeURIComponent(path)}`;
  return {
    daemon,
    api,
    async stat(id, path) {
      const response = await daemon.request(place(id, path), { method: "HEAD" });
      return response.ok ? decodeStat(response) : response.status;
    },
    async read(id, path) {
      const response = await daemon.request(place(id, path));
      if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
      const bytes = new Uint8Array(await response.arrayBuffer());
      return { members: readTar(bytes), stat: decodeStat(response) };
    },
    async write(id, path, archive, query = "") {
      const response = await daemon.request(`${place(id, path)}${query}`, {
        method: "PUT",
        body: archive as Uint8Array<ArrayBuffer>,
      });
      const text = await response.text();
      return { status: response.status, message: text === "" ? "" : (JSON.parse(text) as { message: string }).message };
    },
    async changes(id) {
      const found = await api.get<WireChange[]>(`/containers/${id}/changes`);
      return found.map(({ Kind, Path }) => `${"CAD"[Kind]} ${Path}`);
    },
    async upper(id) {
      const found = await api.get<{ GraphDriver: { Data: { UpperDir: string } } }>(`/containers/${id}/json`);
      return found.GraphDriver.Data.UpperDir;
    },
    async running(script, more = {}) {
      const id = await api.start({ Cmd: ["sh", "-c", `trap 'exit 0' TERM; while :; do sleep 1; done`], ...more });
      const { code, stderr, error } = await api.exec(id, ["sh", "-ec", script], { User: "0" });
      if (code !== 0) throw new Error(`${script}: ${stderr}${error}`);
      return id;
    },
    holdings: () => ({
      descriptors: readdirSync(`/proc/${daemon.pid()}/fd`).length,
      threads: readdirSync(`/proc/${daemon.pid()}/task`).length,
    }),
  };
}

function decodeStat(response: Response): WirePathStat {
  const text = Buffer.from(response.headers.get(STAT_HEADER) ?? "", "base64").toString();
  return JSON.parse(text) as WirePathStat;
}
