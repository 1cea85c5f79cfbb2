import type { Graph, Op, Vertex } from "../../graph.ts";
import { withoutCredentials } from "./without-credentials.ts";

/** Contents of a Dockerfile's own files that are told: it stands in the predicate as a whole already. */
const LEFT_OUT = "(in the Dockerfile)";

/** The graph of a build for its provenance: inputs are `step<N>:0`. Predefined proxy arguments stay out: they are the host's. */
export function buildSteps({ vertices }: Graph): object[] {
  return vertices.map(({ op, inputs, name }: Vertex, at) => ({
    id: `step${at}`,
    op: { name: withoutCredentials(name), ...withoutSecrets(op) },
    ...(inputs.length === 0 ? {} : { inputs: inputs.map((input) => `step${input}:0`) }),
  }));
}

function withoutSecrets(op: Op): object {
  switch (op.kind) {
    case "run": {
      const { uncachedNames, environment, resources: _, ...rest } = op;
      const kept = environment.filter((entry) => !uncachedNames.includes(entry.slice(0, entry.indexOf("="))));
      return { ...rest, argv: op.argv.map(withoutCredentials), environment: kept.map(withoutCredentials) };
    }
    case "http":
      return { ...op, url: withoutCredentials(op.url) };
    case "git":
      return { ...op, remote: withoutCredentials(op.remote) };
    case "inline":
      return { kind: op.kind, files: op.files.map(({ name }) => ({ name, content: LEFT_OUT })) };
    case "scratch":
    case "image":
    case "context":
    case "copy":
    case "mkdir":
    case "link":
      return op;
  }
}
