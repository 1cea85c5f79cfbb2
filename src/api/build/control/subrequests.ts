import type { BuildJob, SolveRequest, Subrequest } from "../../../builder/builder.ts";

/** What a frontend can be asked, as it tells it itself. @see BuildKit frontend/subrequests */
const DESCRIPTIONS = [
  { name: "frontend.lint", version: "1.0.0", description: "Lint a Dockerfile" },
  { name: "frontend.outline", version: "1.0.0", description: "List all parameters current build target supports" },
  { name: "frontend.targets", version: "1.0.0", description: "List all targets current build supports" },
];

/** The answer as metadata of a result without files. */
export async function subrequestMetadata(
  job: BuildJob,
  request: SolveRequest,
  { call, signal }: { call: Subrequest | "describe"; signal: AbortSignal },
): Promise<Map<string, Uint8Array>> {
  if (call === "describe") return metadataOf(describe());
  const answer = await job.call(request, call, signal);
  // `--check` ends with this as its status.
  const status = call === "check" ? { "result.statuscode": answer.warnings.length > 0 ? "1" : "0" } : {};
  return metadataOf({ "result.json": answer.json, "result.txt": answer.text, version: "1.0.0", ...status });
}

function describe(): Record<string, string> {
  const list = DESCRIPTIONS.map((one) => ({
    ...one,
    type: "rpc",
    metadata: [{ name: "result.json" }, { name: "result.txt" }],
  }));
  const text = DESCRIPTIONS.map(({ name, version, description }) => `${name}\t${version}\t${description}\n`).join("");
  return { "result.json": JSON.stringify(list), "result.txt": text, version: "1.0.0" };
}

function metadataOf(values: Record<string, string>): Map<string, Uint8Array> {
  const encoder = new TextEncoder();
  return new Map(Object.entries(values).map(([name, value]) => [name, encoder.encode(value)]));
}
