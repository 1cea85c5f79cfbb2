import { EngineError, invalid } from "../../../base/errors.ts";
import { digestOf } from "../../../formats/oci/digest.ts";
import { Definition, Operation, SourceOp } from "../../../wire/buildkit/definition.ts";

/** Only this engine knows what it means. */
const SCHEME = "gantry-result://";

/**
 * A result as a build definition, for clients that make it a context of another build (`docker buildx bake` with `target:x`): they
 * send back what they were given. One source, and the operation that points to it.
 */
export function resultDefinition(id: string): Definition {
  const source = Operation.encode({ source: SourceOp.create({ identifier: `${SCHEME}${id}` }) });
  const end = Operation.encode({ inputs: [{ digest: digestOf(source), index: 0 }] });
  const metadata = new Map([source, end].map((bytes) => [digestOf(bytes) as string, { description: new Map() }]));
  return Definition.create({ operations: [source, end], metadata });
}

/** The result that a definition names; undefined: nothing, the empty tree. Throws not-implemented for every other definition. */
export function resultIn({ operations }: Definition): string | undefined {
  const last = operations.at(-1);
  if (last === undefined) return undefined;
  const [input] = Operation.decode(last).inputs;
  const bytes = operations.find((one) => digestOf(one) === input?.digest);
  if (input === undefined || bytes === undefined) throw invalid("a build definition without a result");
  const identifier = Operation.decode(bytes).source?.identifier ?? "";
  if (identifier.startsWith(SCHEME)) return identifier.slice(SCHEME.length);
  throw new EngineError(
    "not-implemented",
    "this engine takes results of its own builds as contexts, and no low-level build definitions (LLB)",
  );
}
