import { Demultiplexer, STDERR } from "../../src/wire/stdcopy.ts";
import type { TestDaemon } from "../harness/daemon.ts";

export interface Answer {
  status: number;
  text: string;
  /** `message` of an error. */
  message: string;
}

export interface Outcome {
  id: string;
  /** Of the container's process; undefined: it was not created or did not start, and `error` says why. */
  code: number | undefined;
  stdout: string;
  stderr: string;
  error: string;
}

/** The parts of a create request that tests of attacks use. */
export interface ContainerRequest {
  Image?: string;
  Cmd?: string[];
  Entrypoint?: string[];
  Env?: string[];
  User?: string;
  Hostname?: string;
  WorkingDir?: string;
  Tty?: boolean;
  OpenStdin?: boolean;
  Labels?: Record<string, string>;
  Volumes?: Record<string, object>;
  ExposedPorts?: Record<string, object>;
  HostConfig?: Record<string, unknown>;
}

const WAIT_MS = 30_000;

/** The Engine API, as a client without manners of its own would use it: whatever is asked is sent. */
export function apiOf(daemon: TestDaemon) {
  async function call(method: string, path: string, body?: unknown): Promise<Answer> {
    const init: RequestInit = { method, headers: { "Content-Type": "application/json" } };
    if (body !== undefined) init.body = typeof body === "string" ? body : JSON.stringify(body);
    const response = await daemon.request(`/v1.43${path}`, init);
    const text = await response.text();
    return { status: response.status, text, message: response.ok ? "" : messageOf(text) };
  }

  async function get<T>(path: string): Promise<T> {
    const answer = await call("GET", path);
    if (answer.status !== 200) throw new Error(`GET ${path}: ${answer.status} ${answer.text}`);
    return JSON.parse(answer.text) as T;
  }

  async function create(request: ContainerRequest, name?: string): Promise<string> {
    const answer = await call("POST", `/containers/create${name === undefined ? "" : `?name=${name}`}`, {
      Image: "busybox",
      ...request,
    });
    if (answer.status !== 201) throw new Error(answer.message);
    return (JSON.parse(answer.text) as { Id: string }).Id;
  }

  /** Creates and starts. Throws with the daemon's words. */
  async function start(request: ContainerRequest, name?: string): Promise<string> {
    const id = await create(request, name);
    const answer = await call("POST", `/containers/${id}/start`);
    if (answer.status !== 204) throw new Error(answer.message);
    return id;
  }

  async function wait(id: string): Promise<number> {
    const answer = await call("POST", `/containers/${id}/wait`);
    return (JSON.parse(answer.text) as { StatusCode: number }).StatusCode;
  }

  async function logs(id: string): Promise<{ stdout: string; stderr: string }> {
    const response = await daemon.request(`/containers/${id}/logs?stdout=1&stderr=1`);
    return splitStreams(new Uint8Array(await response.arrayBuffer()));
  }

  /** Runs to the end and removes it. A refusal is an outcome. */
  async function run(request: ContainerRequest): Promise<Outcome> {
    const nothing = { id: "", code: undefined, stdout: "", stderr: "" };
    let id = "";
    try {
      id = await create(request);
      const started = await call("POST", `/containers/${id}/start`);
      if (started.status !== 204) return { ...nothing, id, error: started.message };
      const code = await Promise.race([wait(id), Bun.sleep(WAIT_MS).then(() => -1)]);
      const streams = request.Tty === true ? { stdout: await rawLogs(id), stderr: "" } : await logs(id);
      return { id, code, ...streams, error: "" };
    } catch (error) {
      return { ...nothing, id, error: String(error) };
    } finally {
      if (id !== "") await call("DELETE", `/containers/${id}?force=1&v=1`);
    }
  }

  async function rawLogs(id: string): Promise<string> {
    return (await daemon.request(`/containers/${id}/logs?stdout=1&stderr=1`)).text();
  }

  /** Output of a shell script in a new default container. */
  const sh = (script: string, request: ContainerRequest = {}) => run({ ...request, Cmd: ["sh", "-c", script] });

  /** An exec without a terminal: its output and exit code; the error's text when it did not start. */
  async function exec(id: string, cmd: string[], more: Record<string, unknown> = {}) {
    const made = await call("POST", `/containers/${id}/exec`, {
      AttachStdout: true,
      AttachStderr: true,
      Cmd: cmd,
      ...more,
    });
    if (made.status !== 201) return { code: undefined, stdout: "", stderr: "", error: made.message };
    const exec = (JSON.parse(made.text) as { Id: string }).Id;
    const response = await daemon.request(`/v1.43/exec/${exec}/start`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ Detach: false, Tty: false }),
    });
    const bytes = new Uint8Array(await response.arrayBuffer());
    if (!response.ok)
      return { code: undefined, stdout: "", stderr: "", error: messageOf(new TextDecoder().decode(bytes)) };
    const streams = splitStreams(bytes);
    const { ExitCode } = await get<{ ExitCode: number }>(`/exec/${exec}/json`);
    return { code: ExitCode, ...streams, error: "" };
  }

  return { call, get, create, start, wait, logs, run, sh, exec };
}

export type Api = ReturnType<typeof apiOf>;

export function splitStreams(bytes: Uint8Array): { stdout: string; stderr: string } {
  const streams = { stdout: "", stderr: "" };
  const [out, err] = [new TextDecoder(), new TextDecoder()];
  for (const { stream, data } of new Demultiplexer().push(bytes)) {
    if (stream === STDERR) streams.stderr += err.decode(data, { stream: true });
    else streams.stdout += out.decode(data, { stream: true });
  }
  return streams;
}

function messageOf(text: string): string {
  try {
    return (JSON.parse(text) as { message?: string }).message ?? text;
  } catch {
    return text;
  }
}
