import { ClientError, ConnectionError } from "../client/errors.ts";
import { ReportedError } from "./reported-error.ts";

/** What the user may do about an error; "" where we know of nothing. Pure. */
export function adviceOn(error: unknown, program: string): string {
  if (error instanceof ConnectionError) return connectionAdvice(error);
  const answer = error instanceof ReportedError ? error.cause : error;
  if (answer instanceof ClientError && answer.status === 404 && /no such image/i.test(answer.message)) {
    return `'${program} images' lists what is here; '${program} load' and '${program} import' bring in more.`;
  }
  // Within a progress stream an error has no status: only its words tell.
  if (!(error instanceof Error)) return "";
  for (const [words, advice] of BUILD) {
    const found = words.exec(error.message);
    if (found !== null) return advice(found[1] ?? "", program);
  }
  const host = hostIn(error.message) || (error instanceof ReportedError ? error.registry : "");
  for (const [words, advice] of REGISTRY) if (words.test(error.message)) return advice(host, program);
  return "";
}

function connectionAdvice({ denied, host }: ConnectionError): string {
  if (denied) return "Use sudo, or let the daemon share its socket with a group of yours: gantry daemon --group GROUP";
  if (host.startsWith("unix:")) {
    return "Start it with 'sudo gantry daemon', or name another one with -H or DOCKER_HOST.";
  }
  return "Look whether a daemon listens there; -H, DOCKER_HOST and the context name the address.";
}

/** The same for what builds say; `found` is the first group of the words. */
const BUILD: [words: RegExp, advice: (found: string, program: string) => string][] = [
  [
    /failed to read dockerfile: open (\S+): no such file/,
    (file, program) =>
      `The last argument is the directory that is built from; -f names a Dockerfile elsewhere: ${program} build -f PATH/${file} .`,
  ],
  [
    /secret (\S+): not found/,
    (id) => `Give it to the build: --secret id=${id},src=FILE, or --secret id=${id},env=NAME`,
  ],
  [/no SSH key "([^"]*)" forwarded/, (id) => `Give your agent to the build: --ssh ${id}`],
  [
    /failed to compute cache key: .*not found/,
    () => "Paths of COPY and ADD are relative to the context, and what .dockerignore names is not in it.",
  ],
  [
    /no space left on device/,
    (_, program) =>
      `'${program} builder prune' and '${program} system prune' free space; '${program} system df' shows what takes it.`,
  ],
  [/exit code: 137\b/, () => "137 is SIGKILL: most often memory ran out, of the host or of --memory."],
];

/** First match counts. The words are those of registries, of Docker's daemon, and of what opens its connections. */
const REGISTRY: [words: RegExp, advice: (host: string, program: string) => string][] = [
  [
    /toomanyrequests|too many requests|pull rate limit/i,
    (host, program) =>
      `${host || "The registry"} limits how much one address may pull. Wait until it opens again, or log in, which raises the limit on most: ${login(host, program)}`,
  ],
  [
    /server gave HTTP response to HTTPS client|wrong version number|packet length too long/i,
    (host) =>
      `${host || "The registry"} speaks HTTP without TLS. If you trust the network, start the daemon with --insecure-registry ${host || "HOST:PORT"}.`,
  ],
  [
    /unknown authority|self[- ]signed certificate|unable to (get local issuer|verify the first) certificate|SELF_SIGNED_CERT|UNABLE_TO_VERIFY/i,
    (host) =>
      `Nobody whom this host trusts vouches for the certificate of ${host || "the registry"}. Put its CA into /etc/docker/certs.d/${host || "HOST:PORT"}/ca.crt, or, if you trust the network, start the daemon with --insecure-registry ${host || "HOST:PORT"}.`,
  ],
  [
    /pull access denied|requested access to the resource is denied|no basic auth credentials|authentication required|\bunauthorized\b/i,
    (host, program) => `If you have an account there: ${login(host, program)}`,
  ],
  [
    /no such host|ENOTFOUND|getaddrinfo|could not resolve host|temporary failure in name resolution/i,
    (host) =>
      `Is the name ${host ? `${host} ` : ""}right? If it is, look at the name servers in /etc/resolv.conf, or whether a proxy is needed (HTTPS_PROXY of the daemon).`,
  ],
  [
    /connection refused|ECONNREFUSED|i\/o timeout|no route to host|network is unreachable/i,
    (host) => (host === "" ? "" : `Nothing answers at ${host}. Is the registry running, and is its port right?`),
  ],
];

function login(host: string, program: string): string {
  return host === "" || /(^|\.)docker\.(io|com)$/.test(host) ? `${program} login` : `${program} login ${host}`;
}

/** The registry that a message is about: of an address in it, or of the image that was denied. "" is Docker Hub, or unknown. */
function hostIn(message: string): string {
  const address = /https?:\/\/([\w.-]+(?::\d+)?|\[[\da-f:]+\](?::\d+)?)/i.exec(message)?.[1];
  if (address !== undefined) return address;
  const name = /(?:denied for|access to|manifest for|repository) ([\w.-]+(?::\d+)?)\/[\w./-]+/.exec(message)?.[1] ?? "";
  if (/[.:]/.test(name) || name === "localhost") return name;
  return /lookup ([\w.-]+)/.exec(message)?.[1] ?? "";
}
