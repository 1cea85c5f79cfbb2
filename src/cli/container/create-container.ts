import { messageOf } from "../../base/errors.ts";
import { ClientError } from "../../client/errors.ts";
import { type CliContext, ExitError } from "../command.ts";
import { proxyEnvironment } from "../config-file.ts";
import type { Parsed } from "../flags/flag-set.ts";
import { platformName } from "../image/platform.ts";
import { readTextFile } from "../read-file.ts";
import { type CreateBody, type CreateInputs, createBody } from "./create-body.ts";
import { readEnvironment, readLabels } from "./read-env.ts";
import { readSecurityOptions } from "./security-options.ts";

export interface Created {
  id: string;
  warnings: string[];
}

/** Everything the flags say, read and checked: no request has been sent yet. */
export async function prepareCreate(
  context: CliContext,
  flags: Parsed,
  options: { detached: boolean; consoleSize: [number, number] },
): Promise<CreateBody> {
  const pull = flags.string("pull");
  if (!["always", "missing", "never"].includes(pull)) {
    throw new Error(`invalid pull option: '${pull}': must be one of "always", "missing" or "never"`);
  }
  if (flags.bool("use-api-socket")) throw new Error("--use-api-socket is not available yet in this version of Gantry");
  const reader = { readText: readTextFile };
  const [environmentFiles, labelFiles] = [flags.list("env-file"), flags.list("label-file")];
  const environment = await readEnvironment(environmentFiles, flags.list("env"), {
    reader,
    environment: context.environment,
  });
  const config = await context.config();
  if (config.proxies !== undefined)
    environment.push(...proxyEnvironment(config, (await context.connect()).host.url, environment));
  const security = await readSecurityOptions(flags.list("security-opt"), reader);
  const inputs: CreateInputs = {
    environment,
    labels: await readLabels(labelFiles, flags.list("label"), reader),
    securityOptions: security.options,
    unconfinedPaths: security.unconfinedPaths,
    consoleSize: options.consoleSize,
    workingDir: context.workingDir,
  };
  return createBody(flags, inputs, options.detached);
}

/** Creates the container, pulling the image first where `--pull` and the daemon say so. Writes the ID file. */
export async function createContainer(context: CliContext, flags: Parsed, body: CreateBody): Promise<Created> {
  const transport = await context.connect();
  const image = flags.arguments[0] ?? "";
  const idFile = flags.string("cidfile");
  if (idFile !== "" && (await Bun.file(idFile).exists())) {
    throw new Error(`container ID file found, make sure the other container isn't running or delete ${idFile}`);
  }
  const pull = flags.string("pull");
  if (pull === "always") await pullFor(context, flags);
  const query = { name: flags.string("name"), platform: platformName(flags.string("platform")) };
  const post = () => transport.call("POST", "/containers/create", { query, json: body });
  const answer = await post().catch(async (error: unknown) => {
    const missing = error instanceof ClientError && error.status === 404 && /no such image/i.test(error.message);
    if (!missing || pull !== "missing") throw error;
    await context.io.err(`Unable to find image '${familiarName(image)}' locally\n`);
    await pullFor(context, flags);
    return post();
  });
  const created = await answer.json<{ Id: string; Warnings: string[] | null }>();
  for (const warning of created.Warnings ?? []) await context.io.err(`WARNING: ${warning}\n`);
  if (idFile !== "") await Bun.write(idFile, created.Id);
  return { id: created.Id, warnings: created.Warnings ?? [] };
}

async function pullFor(context: CliContext, flags: Parsed): Promise<void> {
  const { pullImage } = await import("../image/pull-image.ts");
  const options = { quiet: flags.bool("quiet"), platform: flags.string("platform"), toStderr: true };
  await pullImage(context, flags.arguments[0] ?? "", options);
}

/** The name as users write it, with the tag that is meant. */
export function familiarName(image: string): string {
  const last = image.slice(image.lastIndexOf("/") + 1);
  return image.includes("@") || last.includes(":") ? image : `${image}:latest`;
}

/** An image reference that cannot be one is refused before anything is sent, in the words of distribution/reference. */
export function checkImageReference(image: string): void {
  const repository = image.replace(/@.*$/, "").replace(/:[^/:]*$/, "");
  const first = repository.split("/")[0] ?? "";
  const hasDomain =
    repository.includes("/") && (/[.:]/.test(first) || first === "localhost" || first !== first.toLowerCase());
  const path = hasDomain ? repository.slice(first.length + 1) : repository;
  if (/^[0-9a-f]{64}$/.test(image)) {
    throw new Error(`invalid repository name (${image}), cannot specify 64-byte hexadecimal strings`);
  }
  if (path !== path.toLowerCase()) {
    const full = hasDomain || path.includes("/") ? path : `library/${path}`;
    throw new Error(`invalid reference format: repository name (${full}) must be lowercase`);
  }
  const component = "[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*";
  const grammar = new RegExp(
    `^(?:[\\w.\\-\\[\\]:]+/)?${component}(?:/${component})*(?::[\\w][\\w.-]{0,127})?(?:@[A-Za-z][A-Za-z0-9+._-]*:[0-9a-fA-F]{32,})?$`,
  );
  if (!grammar.test(image)) throw new Error("invalid reference format");
}

/** How run and create end on what is wrong with their command line: Docker's prefix and footer, and 125. */
export function refusal(program: string, verb: string, error: unknown): ExitError {
  return error instanceof ExitError
    ? error
    : new ExitError(DAEMON_FAILURE, framed(program, verb, messageOf(error)), { cause: error });
}

/** How run ends on a failure of the daemon's: 125, or 126 and 127 where the text tells of the command. */
export function runFailure(program: string, error: unknown): ExitError {
  if (error instanceof ExitError) return error;
  const message = messageOf(error);
  const daemon = error instanceof ClientError ? `Error response from daemon: ${message}` : message;
  return new ExitError(exitCodeFor(message), framed(program, "run", daemon), { cause: error });
}

const DAEMON_FAILURE = 125;

function framed(program: string, verb: string, message: string): string {
  return `${program}: ${message}

Run '${program} ${verb} --help' for more information`;
}

/** docker/cli run.go toStatusError: the code comes from the text. */
export function exitCodeFor(message: string): number {
  if (/executable file not found|no such file or directory|system cannot find the file specified/.test(message))
    return 127;
  if (/permission denied|is a directory/.test(message)) return 126;
  return 125;
}
