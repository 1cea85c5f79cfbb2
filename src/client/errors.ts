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
  /** A daemon may be there, but its socket is not for us. */
  readonly denied: boolean;
  constructor(host: string, detail: string, cause?: unknown) {
    const denied = /EACCES|EPERM/.test(detail);
    super(
      denied
        ? `permission denied while trying to connect to the Docker daemon socket at ${host}: ${detail}`
        : `Cannot connect to the Docker daemon at ${host}. Is the docker daemon running?`,
      { cause },
    );
    this.name = "ConnectionError";
    this.host = host;
    this.denied = denied;
  }
}
