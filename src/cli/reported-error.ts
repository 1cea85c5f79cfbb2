/** What the daemon reports of its work with a registry: in the words for the user, and which registry it was. */
export class ReportedError extends Error {
  /** Its host; "" where it is Docker Hub, or where there is none. */
  readonly registry: string;
  constructor(message: string, registry: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "ReportedError";
    this.registry = registry;
  }
}
