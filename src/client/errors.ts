/** The daemon answered with an error: its HTTP status and its own words. */
export class ClientError extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.name = "ClientError";
    this.status = status;
  }
}

/** No daemon could be reached at `host`; the text is Docker's, which scripts match. */
export class ConnectionError extends Error {
  readonly host: string;
  constructor(host: string, detail: string, cause?: unknown) {
    super(connectionMessage(host, detail), { cause });
    this.name = "ConnectionError";
    this.host = host;
  }
}

function connectionMessage(host: string, detail: string): string {
  if (/EACCES|EPERM/.test(detail)) {
    return `permission denied while trying to connect to the Docker daemon socket at ${host}: ${detail}`;
  }
  return `Cannot connect to the Docker daemon at ${host}. Is the docker daemon running?`;
}
