import { EngineError } from "../../base/errors.ts";

/** A command that ended with another status than 0, or could not be started. Its message has BuildKit's words. */
export class RunFailedError extends EngineError {
  /** As a shell would have it: 127 not found, 126 not executable, 128 + signal. */
  readonly exitCode: number;
  readonly argv: string[];
  /** The last of what it wrote, both streams as they came; at most TAIL_BYTES. */
  readonly output: string;

  constructor(failure: { argv: string[]; exitCode: number; outOfMemory: boolean; output: string }) {
    const { argv, exitCode, outOfMemory, output } = failure;
    const how = outOfMemory ? "cannot allocate memory" : `exit code: ${exitCode}`;
    super("invalid-argument", `process ${JSON.stringify(argv.join(" "))} did not complete successfully: ${how}`);
    this.name = "RunFailedError";
    this.exitCode = exitCode;
    this.argv = argv;
    this.output = output;
  }
}
