/** What the daemon reports within a progress stream: its words, and the registry that it was about. */
export class StreamError extends Error {
  readonly registry: string;
  constructor(message: string, registry: string) {
    super(message);
    this.name = "StreamError";
    this.registry = registry;
  }
}
