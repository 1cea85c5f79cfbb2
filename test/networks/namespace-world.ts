import { closeSync, openSync, readlinkSync } from "node:fs";
import type { Subprocess } from "bun";
import { syscall } from "../../src/kernel/libc.ts";
import { NETLINK_ROUTE, NetlinkSocket } from "../../src/kernel/netlink/netlink-socket.ts";
import type { Sandbox } from "../../src/networks/networks.ts";
import { until } from "../harness/until.ts";

const CLONE_NEWNET = 0x40000000;
const TRAFFIC = `${import.meta.dir}/traffic.ts`;

/** A process that does nothing in a network namespace of its own: a container, as far as the network is concerned. */
export interface StandIn {
  pid: number;
  /** Runs a program inside and returns what it printed. */
  run(...argv: string[]): Promise<string>;
  ask(protocol: "tcp" | "udp", host: string, port: number, sourcePort?: number): Promise<string>;
  serve(port: number): Promise<void>;
  /** Ends everything that runs inside, and with it the namespace. */
  end(): Promise<void>;
}

/**
 * A network namespace that plays the host: the main thread of this process lives in it until `leave`, so the engine under test
 * runs as it is and the real host's network stays as it was.
 */
export class World {
  readonly #original = openSync("/proc/thread-self/ns/net", "r");
  readonly #own: number;
  readonly #processes = new Set<Subprocess>();

  constructor() {
    syscall("unshare", "network namespace", CLONE_NEWNET);
    this.#own = openSync("/proc/thread-self/ns/net", "r");
    this.must("ip", "link", "set", "lo", "up");
  }

  /** Runs a program on the "host". Throws when it fails. */
  must(...argv: string[]): string {
    const { exitCode, stdout, stderr } = Bun.spawnSync(argv);
    if (exitCode !== 0) throw new Error(`${argv.join(" ")}: ${stderr.toString()}`);
    return stdout.toString();
  }

  async ask(protocol: "tcp" | "udp", host: string, port: number): Promise<string> {
    return this.#output([process.execPath, TRAFFIC, "ask", protocol, host, String(port)]);
  }

  async standIn(): Promise<StandIn> {
    const process = this.#spawn(["unshare", "--net", "sleep", "infinity"]);
    const host = readlinkSync("/proc/thread-self/ns/net");
    await until("the stand-in's namespace", () => readlinkSync(`/proc/${process.pid}/ns/net`) !== host);
    const inside = (argv: string[]) => ["nsenter", `--net=/proc/${process.pid}/ns/net`, "--", ...argv];
    const servers: Subprocess[] = [];
    return {
      pid: process.pid,
      run: (...argv) => this.#output(inside(argv)),
      ask: (protocol, to, port, sourcePort = 0) =>
        this.#output(inside([execPath(), TRAFFIC, "ask", protocol, to, String(port), String(sourcePort)])),
      serve: async (port) => {
        const server = this.#spawn(inside([execPath(), TRAFFIC, "serve", String(port)]));
        servers.push(server);
        const reader = (server.stdout as ReadableStream<Uint8Array>).getReader();
        await reader.read();
        reader.releaseLock();
      },
      end: async () => {
        for (const each of [...servers, process]) await this.#end(each);
      },
    };
  }

  /** What the launcher does with a sandbox: the host's messages with the pid filled in, then the container's inside. */
  connect(sandbox: Sandbox, pid: number): void {
    const { hostMessages, containerMessages } = sandbox;
    const messages = Buffer.from(hostMessages.messages);
    for (const at of hostMessages.childPidAt) messages.writeUInt32LE(pid, at);
    execute(messages, hostMessages.comment);
    this.inside(pid, () => execute(containerMessages.messages, containerMessages.comment));
  }

  /** Runs synchronous code in another process's network namespace. */
  inside<T>(pid: number, job: () => T): T {
    const fd = openSync(`/proc/${pid}/ns/net`, "r");
    try {
      syscall("setns", `namespace of ${pid}`, fd, CLONE_NEWNET);
      return job();
    } finally {
      syscall("setns", "own namespace", this.#own, CLONE_NEWNET);
      closeSync(fd);
    }
  }

  async leave(): Promise<void> {
    syscall("setns", "original namespace", this.#original, CLONE_NEWNET);
    closeSync(this.#own);
    closeSync(this.#original);
    for (const process of this.#processes) await this.#end(process);
  }

  #spawn(argv: string[]): Subprocess {
    const process = Bun.spawn(argv, { stdin: "ignore", stdout: "pipe", stderr: "inherit" });
    this.#processes.add(process);
    return process;
  }

  async #output(argv: string[]): Promise<string> {
    const process = this.#spawn(argv);
    const text = await new Response(process.stdout as ReadableStream).text();
    await this.#end(process);
    return text.trim();
  }

  async #end(process: Subprocess): Promise<void> {
    process.kill("SIGKILL");
    await process.exited;
    this.#processes.delete(process);
  }
}

function execPath(): string {
  return process.execPath;
}

function execute(messages: Uint8Array, comment: string): void {
  const socket = new NetlinkSocket(NETLINK_ROUTE);
  try {
    socket.execute(messages, comment);
  } finally {
    socket.close();
  }
}
