/** One setting: flag `--name`, the same name as a key of the configuration file, and perhaps a variable of the environment. */
export interface ConfigOption {
  name: string;
  kind: "string" | "list" | "bool" | "number" | "duration";
  /** Docker's own registry image is configured by these; existing `docker run -e …` lines go on working. */
  environment?: string;
  default?: string;
  usage: string;
}

export const CONFIG_OPTIONS = [
  {
    name: "listen",
    kind: "string",
    environment: "REGISTRY_HTTP_ADDR",
    default: "127.0.0.1:5000",
    usage: "Address and port to serve on",
  },
  {
    name: "root",
    kind: "string",
    environment: "REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY",
    usage: "Directory that holds everything",
  },
  {
    name: "reuse-port",
    kind: "bool",
    default: "false",
    usage: "Share the address with other servers on the same directory: one per core, for example",
  },
  { name: "read-only", kind: "bool", default: "false", usage: "Refuse everything that changes the registry" },
  {
    name: "delete",
    kind: "bool",
    environment: "REGISTRY_STORAGE_DELETE_ENABLED",
    default: "true",
    usage: "Allow manifests, tags and blobs to be deleted",
  },
  {
    name: "tls-certificate",
    kind: "string",
    environment: "REGISTRY_HTTP_TLS_CERTIFICATE",
    usage: "PEM file: serve HTTPS with this certificate (chain)",
  },
  { name: "tls-key", kind: "string", environment: "REGISTRY_HTTP_TLS_KEY", usage: "PEM file: the certificate's key" },
  {
    name: "htpasswd",
    kind: "string",
    environment: "REGISTRY_AUTH_HTPASSWD_PATH",
    usage: "File of users and bcrypt passwords (htpasswd -B)",
  },
  {
    name: "realm",
    kind: "string",
    environment: "REGISTRY_AUTH_HTPASSWD_REALM",
    default: "Registry",
    usage: "What users are told to log in to",
  },
  {
    name: "anonymous-pull",
    kind: "bool",
    default: "false",
    usage: "With --htpasswd: everybody may pull, users may do the rest",
  },
  {
    name: "token-realm",
    kind: "string",
    environment: "REGISTRY_AUTH_TOKEN_REALM",
    usage: "Address of a token service that clients log in at",
  },
  {
    name: "token-service",
    kind: "string",
    environment: "REGISTRY_AUTH_TOKEN_SERVICE",
    usage: "This registry's name at the token service",
  },
  {
    name: "token-issuer",
    kind: "string",
    environment: "REGISTRY_AUTH_TOKEN_ISSUER",
    usage: "Name that the token service signs with",
  },
  {
    name: "token-keys",
    kind: "list",
    environment: "REGISTRY_AUTH_TOKEN_ROOTCERTBUNDLE",
    usage: "File of public keys, certificates (PEM) or JSON Web Keys that tokens are signed with",
  },
  {
    name: "proxy",
    kind: "string",
    environment: "REGISTRY_PROXY_REMOTEURL",
    usage: "Be a pull-through cache of the registry at this URL",
  },
  {
    name: "proxy-username",
    kind: "string",
    environment: "REGISTRY_PROXY_USERNAME",
    usage: "User at the registry behind the cache",
  },
  {
    name: "proxy-password",
    kind: "string",
    environment: "REGISTRY_PROXY_PASSWORD",
    usage: "Password of that user; as a flag everybody on this host can read it",
  },
  {
    name: "proxy-password-file",
    kind: "string",
    usage: "File with the password of that user",
  },
  {
    name: "proxy-ttl",
    kind: "duration",
    default: "168h",
    usage: "Forget what nobody pulled through the cache for so long; 0s: never",
  },
  { name: "gc-interval", kind: "duration", default: "1h", usage: "Time between garbage collections; 0s: none" },
  {
    name: "gc-grace",
    kind: "duration",
    default: "24h",
    usage: "Keep unreferenced blobs at least so long: a push may still need them",
  },
  {
    name: "delete-untagged",
    kind: "bool",
    default: "false",
    usage: "Also collect manifests that no tag leads to",
  },
  { name: "upload-expiry", kind: "duration", default: "24h", usage: "Remove unfinished uploads after so long" },
  { name: "max-uploads", kind: "number", default: "256", usage: "Uploads that are received at once, per process" },
  { name: "max-requests", kind: "number", default: "4096", usage: "Requests that are served at once, per process" },
  {
    name: "stall-timeout",
    kind: "duration",
    default: "60s",
    usage: "Leave a client that sends or takes nothing for so long",
  },
  { name: "shutdown-timeout", kind: "duration", default: "30s", usage: "Time to finish requests when told to stop" },
  { name: "access-log", kind: "bool", default: "true", usage: "Write a JSON line per request to standard output" },
  {
    name: "metrics-listen",
    kind: "string",
    environment: "REGISTRY_HTTP_DEBUG_ADDR",
    usage: "Serve /metrics and /healthz on an address of their own, without log-in",
  },
  {
    name: "log-level",
    kind: "string",
    environment: "REGISTRY_LOG_LEVEL",
    default: "info",
    usage: 'Lines on standard error: "debug", "info", "warn" or "error"',
  },
] as const satisfies ConfigOption[];

export type OptionName = (typeof CONFIG_OPTIONS)[number]["name"];
