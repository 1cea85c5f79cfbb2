import { expect, test } from "bun:test";
import { parseFlags } from "../flags/flag-set.ts";
import { BUILD_FLAGS } from "./build-flags.ts";
import { planBuild } from "./plan-build.ts";
import { planOutputs } from "./plan-outputs.ts";

function plan(line: string[], environment: Record<string, string> = {}, proxies: string[] = []) {
  const flags = parseFlags(BUILD_FLAGS, line, { interspersed: true });
  const sources = { context: null, dockerfile: null, fileName: "Dockerfile", named: {}, directory: "/src/app" };
  return planBuild(flags, { ref: "r", sources, outputs: planOutputs(flags), environment, proxies });
}

test("without flags the image has no name, and everything else is left to the daemon", () => {
  expect(plan([])).toEqual({
    Ref: "r",
    Name: "app",
    Call: "",
    Context: null,
    Dockerfile: null,
    NamedContexts: {},
    FileName: "Dockerfile",
    Target: "",
    Platforms: [],
    BuildArgs: {},
    Labels: {},
    NoCache: null,
    Pull: false,
    CacheFrom: [],
    CacheTo: [],
    Outputs: [{ Type: "image", Id: "0", Names: [], Push: false, Attributes: {} }],
    Network: "default",
    ExtraHosts: [],
    ShmSize: 0,
    Ulimits: [],
    CgroupParent: "",
    Resources: { Memory: 0, MemorySwap: 0, CpuShares: 0, CpuPeriod: 0, CpuQuota: 0, CpusetCpus: "", CpusetMems: "" },
    Entitlements: [],
    Squash: false,
    EpochSeconds: null,
    Attestations: { Provenance: "", ProvenanceVersion: "", BuilderId: "", Reproducible: false, Sbom: false },
  });
});

test("build arguments: proxies first, then the epoch, then what is given; a name alone takes the environment's value", () => {
  const environment = { VERSION: "2", SOURCE_DATE_EPOCH: "5", HTTP_PROXY: "not this" };
  const line = ["--build-arg", "VERSION", "--build-arg", "MISSING", "--build-arg", "A=b=c", "--build-arg", "EMPTY="];
  const { BuildArgs, EpochSeconds } = plan(line, environment, ["HTTP_PROXY=http://p"]);
  expect(BuildArgs).toEqual({ HTTP_PROXY: "http://p", SOURCE_DATE_EPOCH: "5", VERSION: "2", A: "b=c", EMPTY: "" });
  expect(EpochSeconds).toBe(5);
});

test.each<[string[], Partial<ReturnType<typeof plan>>]>([
  [["--no-cache"], { NoCache: [] }],
  [["--no-cache-filter", "a,b", "--no-cache-filter", "c"], { NoCache: ["a", "b", "c"] }],
  [["--timestamp", "0"], { EpochSeconds: 0 }],
  [["--build-arg", "SOURCE_DATE_EPOCH=7"], { EpochSeconds: 7 }],
  [["--build-arg", "SOURCE_DATE_EPOCH=context"], { EpochSeconds: null }],
  [["--network", "host"], { Network: "host", Entitlements: ["network.host"] }],
  [["--allow", "security.insecure"], { Entitlements: ["security.insecure"] }],
  [["--platform", "linux/arm64,amd64", "--platform", "local"], { Platforms: ["linux/arm64", "linux/amd64"] }],
  [["--add-host", "a=1.2.3.4", "--add-host", "b:::1"], { ExtraHosts: ["a:1.2.3.4", "b:::1"] }],
  [["--check"], { Call: "check" }],
  [["--target", "t"], { Target: "t", Name: "app (t)" }],
  [["--call", "outline,format=json"], { Call: "outline" }],
  [["--ulimit", "nofile=1:2"], { Ulimits: [{ Name: "nofile", Soft: 1, Hard: 2 }] }],
  [["--shm-size", "1m"], { ShmSize: 1 << 20 }],
  [["--label", "a=b"], { Labels: { a: "b" } }],
])("%p", (line, expected) => {
  expect(plan(line)).toMatchObject(expected);
});

test("limits are told by either flag", () => {
  const limits = { Memory: 1 << 30, MemorySwap: -1, CpuQuota: 50_000, CpusetCpus: "0-1" };
  expect(
    plan(["-m", "1g", "--memory-swap", "-1", "--cpu-quota", "50000", "--cpuset-cpus", "0-1"]).Resources,
  ).toMatchObject(limits);
  const resource = ["memory=1g", "memory-swap=-1", "cpu-quota=50000", "cpuset-cpus=0-1"].flatMap((one) => [
    "--resource",
    one,
  ]);
  expect(plan(resource).Resources).toMatchObject(limits);
});

test("--push, --load and --output together", () => {
  const kinds = (line: string[]) => plan(line).Outputs.map(({ Type, Push, Names }) => [Type, Push, Names.length]);
  expect(kinds(["-t", "a", "-t", "b", "--push"])).toEqual([["image", true, 2]]);
  expect(kinds(["-t", "a", "-o", "out", "--push"])).toEqual([
    ["local", false, 1],
    ["image", true, 1],
  ]);
  expect(kinds(["-t", "a", "-o", "out", "--load"])).toEqual([
    ["local", false, 1],
    ["image", false, 1],
  ]);
  expect(kinds(["-t", "a", "-o", "type=image", "--push", "--load"])).toEqual([["image", true, 1]]);
  expect(plan(["-t", "a", "--annotation", "k=v"]).Outputs[0]?.Attributes).toEqual({ "annotation.k": "v" });
});

test.each<[string[], string]>([
  [["--push"], "tag is needed when pushing to registry"],
  [["-t", "UPPER"], 'invalid tag "UPPER"'],
  [["--build-arg", "=x"], "no name"],
  [["--allow", "all"], 'invalid entitlement "all"'],
  [["--call", "sing"], 'unknown call "sing"'],
  [["--build-arg", "SOURCE_DATE_EPOCH=soon"], "invalid SOURCE_DATE_EPOCH: soon"],
  [["--output", "type=floppy"], 'invalid argument "type=floppy" for "--output"'],
  [["--progress", "loud"], "must be one of auto"],
  [["--resource", "cpu-quota=much"], "no whole number"],
])("%p is refused", (line, message) => {
  expect(() => plan(line)).toThrow(message);
});
