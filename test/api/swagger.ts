import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv, type ValidateFunction } from "ajv";
import { parse } from "yaml";

interface Operation {
  responses: Record<string, { schema?: object }>;
}
type Json = Record<string, unknown>;

const document = parse(readFileSync(join(import.meta.dir, "testdata/engine-api-v1.56.yaml"), "utf8"), {
  maxAliasCount: -1,
}) as { paths: Record<string, Record<string, Operation>>; definitions: Json };

const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false, inlineRefs: false });
ajv.addSchema({ $id: "api", definitions: adapt(document.definitions) as Json });

/** Numbers that Docker itself sends as null, against its own document: pointers in its Go types. */
const NULL_IN_DOCKER = new Set(["/HostConfig/MemorySwappiness", "/ExitCode"]);

const validators = new Map<string, ValidateFunction | undefined>();

/**
 * What is wrong with an answer's body by the Engine API's own document; [] where nothing is, or the document says nothing.
 * `path` is concrete, without version and query. An answer with a status that the document does not name is wrong too.
 */
export function validateResponse(method: string, path: string, status: number, body: unknown): string[] {
  const template = templateOf(method, path);
  if (template === undefined) return [`${method} ${path} is not in the document`];
  const operation = document.paths[template]?.[method.toLowerCase()];
  const response = operation?.responses[String(status)];
  if (response === undefined) return [`${method} ${template} has no answer ${status}`];
  const key = `${method} ${template} ${status}`;
  if (!validators.has(key)) {
    validators.set(key, response.schema === undefined ? undefined : ajv.compile(adapt(response.schema) as Json));
  }
  const validate = validators.get(key);
  if (validate === undefined || validate(body)) return [];
  // "must be null" and "anyOf" only repeat that a reference (made nullable below) did not match.
  const errors = (validate.errors ?? []).filter(
    ({ keyword, params, instancePath }) =>
      keyword !== "anyOf" && params["type"] !== "null" && !NULL_IN_DOCKER.has(instancePath),
  );
  return errors.map((error) => `${error.instancePath || "/"} ${error.message ?? ""}`);
}

/** `/containers/abc/json` → `/containers/{id}/json`; a literal path wins. */
function templateOf(method: string, path: string): string | undefined {
  const known = Object.keys(document.paths).filter((one) => document.paths[one]?.[method.toLowerCase()] !== undefined);
  if (known.includes(path)) return path;
  return known.find((template) => {
    const source = template.replace(/[.*+?^$()|[\]\\]/g, "\\$&").replace(/\{[^}]+\}/g, ".+");
    return new RegExp(`^${source}$`).test(path);
  });
}

/**
 * Swagger 2.0 to JSON schema: `x-nullable`, and references into one schema. Docker's Go types leave slices and maps null where
 * they are empty, which the document does not say but every client copes with: objects and arrays may be null.
 */
function adapt(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(adapt);
  if (typeof schema !== "object" || schema === null) return schema;
  const { example: _example, description: _description, default: _default, ...rest } = schema as Json;
  const copy = Object.fromEntries(Object.entries(rest).map(([key, value]) => [key, adapt(value)])) as Json;
  if (typeof copy["$ref"] === "string") {
    const reference = { $ref: copy["$ref"].replace("#/", "api#/") };
    return { anyOf: [reference, { type: "null" }] };
  }
  const type = copy["type"];
  const nullable = copy["x-nullable"] === true || type === "array" || type === "object";
  if (nullable && typeof type === "string") {
    copy["type"] = [type, "null"];
    if (Array.isArray(copy["enum"])) copy["enum"] = [...(copy["enum"] as unknown[]), null];
  }
  return copy;
}
