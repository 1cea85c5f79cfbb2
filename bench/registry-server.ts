import { createHash, randomBytes } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../test/harness/free-port.ts";
import { runProgram } from "../test/harness/run-program.ts";
import { until } from "../test/harness/until.ts";
import { pushImage } from "../test/registry-server/push.ts";
import { startServer } from "../test/registry-server/server-process.ts";
import { formatScoreboard, type Score } from "./scoreboard.ts";

/**
 * `node_modules/.bin/bun bench/registry-server.ts`: our registry beside Debian's docker-registry, sample by sample in turn. The load
 * comes from curl, and from sockets of this process where latency counts; all of it shares the machine's cores with the servers.
 */
const SAMPLES = 5;
const FILES = 8;
const FILE_MIB = 64;
const DOWNLOADS_OF_EACH = 4;
const MANIFEST_CLIENTS = 200;
const MANIFEST_REQUESTS = 10_000;
const TIMEOUT_MS = 120_000;

interface Server {
  name: string;
  url: string;
  port: number;
  pid: number;
  stop(): Promise<unknown>;
}

const folder = mkdtempSync(join(tmpdir(), "gantry-bench-registry-"));
const files = Array.from({ length: FILES }, (_, index) => {
  const [path, bytes] = [join(folder, `file-${index}`), randomBytes(FILE_MIB << 20)];
  writeFileSync(path, bytes);
  return { path, digest: `sha256:${createHash("sha256").update(bytes).digest("hex")}` };
});

async function startOurs(): Promise<Server> {
  const server = await startServer(join(folder, "ours"), ["--access-log=false"]);
  return {
    name: "gantry",
    url: server.url,
    port: Number(server.host.split(":")[1]),
    pid: server.pid,
    stop: () => server.stop(),
  };
}

async function startTheirs(): Promise<Server> {
  const [port, root, file] = [freePort(), join(folder, "theirs"), join(folder, "theirs.yml")];
  mkdirSync(root);
  const storage = `storage: {cache: {blobdescriptor: inmemory}, filesystem: {rootdirectory: ${root}}}`;
  const log = "log: {level: error, accesslog: {disabled: true}}";
  writeFileSync(file, `version: 0.1\n${log}\n${storage}\nhttp: {addr: "127.0.0.1:${port}"}\n`);
  const child = Bun.spawn(["docker-registry", "serve", file], { stdin: "ignore", stdout: "ignore", stderr: "ignore" });
  const url = `http://127.0.0.1:${port}`;
  await until("docker-registry answers", async () => (await fetch(`${url}/v2/`)).ok);
  const stop = () => {
    child.kill("SIGTERM");
    return child.exited;
  };
  return { name: "docker-registry", url, port, pid: child.pid, stop };
}

async function curl(...args: string[]): Promise<void> {
  const { code, stderr } = await runProgram(["curl", "-sS", "-f", ...args], { timeoutMs: TIMEOUT_MS });
  if (code !== 0) throw new Error(`curl: ${code} ${stderr}`);
}

/** To a repository of its own each time; the server knows the bytes by then, and has to receive and hash them all the same. */
async function upload({ url }: Server, repository: string): Promise<void> {
  await Promise.all(
    files.map(async ({ path, digest }) => {
      const started = await fetch(`${url}/v2/${repository}/blobs/uploads/`, { method: "POST" });
      const location = new URL(started.headers.get("location") ?? "", url);
      location.searchParams.set("digest", digest);
      await curl("-H", "Expect:", "-T", path, location.href);
    }),
  );
}

function download({ url }: Server): Promise<void> {
  const targets = files.flatMap(({ digest }) => ["-o", "/dev/null", `${url}/v2/bench/0/blobs/${digest}`]);
  return curl(
    "-Z",
    "--parallel-max",
    String(FILES),
    ...Array.from({ length: DOWNLOADS_OF_EACH }, () => targets).flat(),
  );
}

/** Milliseconds that 99 of 100 answers took at most, each client asking again as soon as it has its answer. */
async function manifestP99({ port }: Server): Promise<number> {
  const request =
    "GET /v2/bench/image/manifests/v1 HTTP/1.1\r\nHost: bench\r\nAccept: application/vnd.oci.image.manifest.v1+json\r\n\r\n";
  const times: number[] = [];
  let asked = 0;
  const clients = Array.from({ length: MANIFEST_CLIENTS }, () => {
    const done = Promise.withResolvers<void>();
    let startedMs = 0;
    let answer = "";
    const ask = (socket: { write(text: string): number; end(): void }) => {
      if (asked++ >= MANIFEST_REQUESTS) {
        done.resolve();
        socket.end();
        return;
      }
      startedMs = performance.now();
      answer = "";
      socket.write(request);
    };
    const socket = {
      open: ask,
      data(connection: Parameters<typeof ask>[0], bytes: Uint8Array) {
        answer += Buffer.from(bytes).toString("latin1");
        const [head = "", body] = answer.split("\r\n\r\n");
        if (!head.startsWith("HTTP/1.1 200")) done.reject(new Error(head));
        else if (body?.length === Number(/content-length: (\d+)/i.exec(head)?.[1])) {
          times.push(performance.now() - startedMs);
          ask(connection);
        }
      },
      error: (_: unknown, error: Error) => done.reject(error),
      close: () => done.reject(new Error("the server closed the connection")),
    };
    Bun.connect({ hostname: "127.0.0.1", port, socket }).catch(done.reject);
    return done.promise;
  });
  await Promise.all(clients);
  times.sort((a, b) => a - b);
  return times[Math.floor(times.length * 0.99)] ?? 0;
}

/** Clock ticks of user and system time, a hundredth of a second each. */
function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

const MEGABYTES = (FILES * FILE_MIB * (1 << 20)) / 1e6;

async function throughput(megabytes: number, run: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await run();
  return (megabytes / (performance.now() - start)) * 1000;
}

const empty = (name: string, unit: Score["unit"]): Score => ({ name, unit, target: 1, samples: {}, failures: {} });

async function main(servers: Server[]): Promise<Score[]> {
  const downloads = empty(`${FILES} parallel downloads of ${FILE_MIB} MiB`, "MB/s");
  const uploads = empty(`${FILES} parallel uploads of ${FILE_MIB} MiB`, "MB/s");
  const latency = empty(`p99 of a manifest, ${MANIFEST_CLIENTS} clients`, "ms");
  const cpu = empty("processor time of all that", "ms");
  const add = (score: Score, { name }: Server, value: number) =>
    (score.samples[name] = [...(score.samples[name] ?? []), value]);
  for (const server of servers) await pushImage(server, "bench/image", "v1");
  for (let round = 0; round < SAMPLES; round++) {
    for (const server of round % 2 === 0 ? servers : [...servers].reverse()) {
      const before = cpuMs(server.pid);
      add(uploads, server, await throughput(MEGABYTES, () => upload(server, `bench/${round}`)));
      add(downloads, server, await throughput(MEGABYTES * DOWNLOADS_OF_EACH, () => download(server)));
      add(latency, server, await manifestP99(server));
      add(cpu, server, cpuMs(server.pid) - before);
    }
  }
  return [downloads, uploads, latency, cpu];
}

const servers = [await startOurs()];
if (existsSync("/usr/bin/docker-registry")) servers.push(await startTheirs());
else console.log("docker-registry is not installed: nothing to compare with");
try {
  console.log(
    formatScoreboard(
      await main(servers),
      servers.map(({ name }) => name),
    ),
  );
} finally {
  for (const server of servers) await server.stop();
  rmSync(folder, { recursive: true, force: true });
}
