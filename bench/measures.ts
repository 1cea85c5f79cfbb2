import { runProgram } from "../test/harness/run-program.ts";
import { until } from "../test/harness/until.ts";
import { command, type Peer, pssBytes, removeAll, timeCommand } from "./peer.ts";

/** One line of the scoreboard. `sample` is called in turn for each peer, `samples` times; the median counts. */
export interface Measure {
  name: string;
  unit: "ms" | "s" | "MB/s" | "MB";
  /** How many times better than Docker it must be. */
  target: number;
  /** What ours may be at most, whatever Docker's is. */
  limit?: number;
  samples: number;
  /** Also for those who can only build. */
  builders?: boolean;
  /** What nobody can be better than; ours may be `within` times that. */
  floor?: { within: number; sample(): Promise<number> };
  before?(peer: Peer): Promise<void>;
  sample(peer: Peer): Promise<number>;
  after?(peer: Peer): Promise<void>;
}

export interface Scale {
  samples: number;
  atOnce: number;
  manyContainers: number;
  streamBytes: number;
  largeArchive: string;
  /** Its size in words. */
  largeName: string;
  /** A command line that drives every peer alike, if it is installed. */
  commonCli?: string[];
}

const MB = 1e6;
const STREAM_TIMEOUT_MS = 300_000;

export function measures(scale: Scale): Measure[] {
  return [
    idleMemory(),
    ...starts(scale),
    ...lists(scale),
    ...streams(scale),
    supervisorMemory(scale),
    ...images(scale),
  ];
}

function starts({ samples, atOnce, commonCli }: Scale): Measure[] {
  const timed = (name: string, target: number, args: string[], cli?: string[]): Measure => ({
    name,
    unit: "ms",
    target,
    samples,
    sample: (peer) => timeCommand(peer, args, cli),
  });
  return [
    timed("run --rm true", 12, ["run", "--rm", "busybox", "true"]),
    timed("run --rm --net=host true", 8, ["run", "--rm", "--net=host", "busybox", "true"]),
    ...(commonCli === undefined
      ? []
      : [timed("run --rm true, docker 28 as the client", 1, ["run", "--rm", "busybox", "true"], commonCli)]),
    {
      ...timed("exec true", 5, ["exec", "bench", "true"]),
      before: async (peer) => void (await command(peer, ["run", "-d", "--name", "bench", "busybox", "sleep", "1000"])),
      after: removeAll,
    },
    {
      name: `run -d, ${atOnce} at once`,
      unit: "ms",
      target: 8,
      samples: Math.min(5, samples),
      sample: async (peer) => {
        const { elapsedMs } = await startMany(peer, atOnce);
        await removeAll(peer);
        return elapsedMs;
      },
      after: removeAll,
    },
    {
      name: `rm -f of ${atOnce} that run`,
      unit: "ms",
      target: 8,
      samples: Math.min(5, samples),
      sample: async (peer) => {
        const { ids } = await startMany(peer, atOnce);
        return timeCommand(peer, ["rm", "-f", ...ids]);
      },
      after: removeAll,
    },
  ];
}

/** `run -d` of `count` containers by as many commands at once. */
async function startMany(peer: Peer, count: number): Promise<{ elapsedMs: number; ids: string[] }> {
  const started = performance.now();
  const start = () => command(peer, ["run", "-d", "busybox", "sleep", "1000"]);
  const ids = await Promise.all(Array.from({ length: count }, start));
  return { elapsedMs: performance.now() - started, ids: ids.map((id) => id.trim()) };
}

function lists({ samples, manyContainers }: Scale): Measure[] {
  const listed = (count: number, target: number): Measure => ({
    name: `ps -a with ${count} containers`,
    unit: "ms",
    target,
    samples,
    before: (peer) => createContainers(peer, count),
    sample: (peer) => timeCommand(peer, ["ps", "-a"]),
    after: removeAll,
  });
  return [listed(2, 1), listed(manyContainers, 1.5)];
}

async function createContainers(peer: Peer, count: number): Promise<void> {
  const create = async () => {
    const response = await fetch("http://localhost/v1.41/containers/create", {
      unix: peer.socket,
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ Image: "busybox", Cmd: ["true"] }),
    });
    if (!response.ok) throw new Error(`${peer.name}: create: ${await response.text()}`);
    await response.text();
  };
  for (let done = 0; done < count; done += 10)
    await Promise.all(Array.from({ length: Math.min(10, count - done) }, create));
}

function streams({ streamBytes }: Scale): Measure[] {
  const streamed = (name: string, producer: string): Measure => ({
    name: `${Math.round(streamBytes / MB)} MB of ${name}, attached`,
    unit: "MB/s",
    target: 4,
    samples: 3,
    sample: async (peer) => {
      const started = performance.now();
      const args = ["run", "--rm", "busybox", "sh", "-c", producer];
      const child = Bun.spawn([...peer.cli, ...args], {
        env: { ...process.env, ...peer.env },
        stdin: "ignore",
        stdout: "pipe",
        stderr: "ignore",
      });
      const timer = setTimeout(() => child.kill(), STREAM_TIMEOUT_MS);
      let bytes = 0;
      for await (const chunk of child.stdout) bytes += chunk.length;
      await child.exited;
      clearTimeout(timer);
      if (bytes !== streamBytes) throw new Error(`${peer.name}: ${bytes} of ${streamBytes} bytes arrived`);
      return streamBytes / MB / ((performance.now() - started) / 1000);
    },
  });
  return [
    streamed(
      "lines",
      `yes 'a line of output as programs write it, about eighty bytes long, with the time 12:00' | head -c ${streamBytes}`,
    ),
    streamed("zeros", `head -c ${streamBytes} /dev/zero`),
  ];
}

function idleMemory(): Measure {
  return {
    name: "idle daemon",
    unit: "MB",
    target: 1.67,
    samples: 3,
    sample: async (peer) => pssBytes(peer.daemonPids()) / MB,
  };
}

function supervisorMemory({ atOnce }: Scale): Measure {
  return {
    name: "supervisor of one container",
    unit: "MB",
    target: 10,
    samples: 1,
    sample: async (peer) => {
      for (let index = 0; index < atOnce; index++) await command(peer, ["run", "-d", "busybox", "sleep", "1000"]);
      return pssBytes(peer.supervisorPids()) / atOnce / MB;
    },
    after: removeAll,
  };
}

function images({ largeArchive, largeName }: Scale): Measure[] {
  return [
    {
      name: `load ${largeName}`,
      unit: "s",
      target: 2,
      samples: 3,
      sample: async (peer) => {
        const elapsed = await timeCommand(peer, ["load", "-q", "-i", largeArchive]);
        const { stdout } = await runProgram([...peer.cli, "images", "-q", "--filter", "reference=large-*"], {
          env: peer.env,
        });
        await command(peer, ["rmi", "-f", ...stdout.trim().split("\n")]);
        await until("the image is gone", async () => !(await command(peer, ["images"])).includes("large-"));
        return elapsed / 1000;
      },
    },
  ];
}
