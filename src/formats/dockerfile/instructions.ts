/**
 * The 18 instructions of a Dockerfile as values. Texts are as written, after continuation lines were joined and comments dropped:
 * variables and quotes are still in them (`expand.ts` takes both away), because what a variable is worth depends on the stage.
 * @see BuildKit frontend/dockerfile/docs/reference.md
 */
export type Instruction = (
  | FromInstruction
  | ArgInstruction
  | RunInstruction
  | CopyInstruction
  | CommandInstruction
  | PairsInstruction
  | WordsInstruction
  | TextInstruction
  | HealthcheckInstruction
  | OnbuildInstruction
) &
  InstructionSource;

export interface InstructionSource {
  /** Upper case. */
  name: InstructionName;
  /** The instruction's name as the file has it. */
  written: string;
  /** All of the instruction in one line, as history and progress show it: name in upper case, heredocs left out. */
  text: string;
  location: Location;
}

export type InstructionName =
  | "ADD"
  | "ARG"
  | "CMD"
  | "COPY"
  | "ENTRYPOINT"
  | "ENV"
  | "EXPOSE"
  | "FROM"
  | "HEALTHCHECK"
  | "LABEL"
  | "MAINTAINER"
  | "ONBUILD"
  | "RUN"
  | "SHELL"
  | "STOPSIGNAL"
  | "USER"
  | "VOLUME"
  | "WORKDIR";

/** Lines of the file, from 1; both are part of it. Of an instruction with heredocs: to the last terminator. */
export interface Location {
  startLine: number;
  endLine: number;
}

export interface FromInstruction {
  kind: "from";
  /** Image, stage or named context. */
  base: string;
  /** Lower case; undefined: no `AS`. */
  stageName: string | undefined;
  /** As written, for the checks of casing. */
  stageNameWritten: string | undefined;
  asWritten: string | undefined;
  platform: string | undefined;
}

export interface ArgInstruction {
  kind: "arg";
  /** `value` undefined: declared without a default. */
  args: { name: string; value: string | undefined }[];
}

/** A document in the instruction: `<<EOF`. */
export interface Heredoc {
  /** The delimiter, without quotes. */
  name: string;
  /** The delimiter was not quoted: variables in the content are expanded. */
  expand: boolean;
  /** `<<-`: leading tabs are gone already. */
  chomp: boolean;
  /** Ends in a line feed unless it is empty. */
  content: string;
  /** Number before `<<`; 0 where there is none. */
  fileDescriptor: number;
}

/** `argv` of exec form, or one line for the shell. */
export type CommandLine = { form: "exec"; argv: string[] } | { form: "shell"; line: string };

export interface RunInstruction {
  kind: "run";
  command: CommandLine;
  /** With the shell form: documents that `command.line` names. */
  heredocs: Heredoc[];
  mounts: RunMountFlag[];
  network: string | undefined;
  security: string | undefined;
  devices: string[];
}

/** `--mount=…`, split but not expanded: see `parseRunMount`. */
export interface RunMountFlag {
  written: string;
}

export interface RunMount {
  type: "bind" | "cache" | "tmpfs" | "secret" | "ssh";
  /** Absolute or relative to the working directory; "" where the type has a default. */
  target: string;
  source: string;
  /** Stage, image or context; "": the build context (bind) or nothing (cache). */
  from: string;
  readOnly: boolean;
  id: string;
  sharing: "shared" | "private" | "locked";
  required: boolean;
  /** Environment variable that gets the secret. */
  env: string | undefined;
  sizeBytes: number | undefined;
  mode: number | undefined;
  uid: number | undefined;
  gid: number | undefined;
}

/** ADD and COPY. */
export interface CopyInstruction {
  kind: "copy";
  sources: string[];
  /** Sources that are heredocs, at their place among `sources` by name `<<NAME`. */
  heredocs: Heredoc[];
  destination: string;
  from: string | undefined;
  chown: string | undefined;
  chmod: string | undefined;
  link: boolean;
  parents: boolean;
  exclude: string[];
  /** ADD only. `unpack` undefined: local archives are, remote ones are not. */
  keepGitDir: boolean | undefined;
  checksum: string | undefined;
  unpack: boolean | undefined;
}

/** CMD, ENTRYPOINT and SHELL (exec form only). */
export interface CommandInstruction {
  kind: "command";
  command: CommandLine;
}

/** ENV and LABEL. `legacy`: `NAME the rest`. */
export interface PairsInstruction {
  kind: "pairs";
  pairs: { name: string; value: string; legacy: boolean }[];
}

/** EXPOSE and VOLUME. */
export interface WordsInstruction {
  kind: "words";
  words: string[];
}

/** USER, WORKDIR, STOPSIGNAL and MAINTAINER. */
export interface TextInstruction {
  kind: "text";
  value: string;
}

export interface HealthcheckInstruction {
  kind: "healthcheck";
  /** undefined: NONE. */
  command: CommandLine | undefined;
  intervalNs: number | undefined;
  timeoutNs: number | undefined;
  startPeriodNs: number | undefined;
  startIntervalNs: number | undefined;
  retries: number | undefined;
}

export interface OnbuildInstruction {
  kind: "onbuild";
  /** As an image's config keeps it. */
  trigger: string;
  instruction: Instruction;
}

/** Instructions from one FROM to the next. */
export interface Stage {
  from: FromInstruction & InstructionSource;
  /** Position in the file, from 0. */
  index: number;
  instructions: Instruction[];
}

/** `check=skip=A,B;error=true`. Rules that are experimental run only when they are named. */
export interface CheckOptions {
  skip: string[];
  skipAll: boolean;
  experimental: string[];
  experimentalAll: boolean;
  /** What is found fails the build. */
  error: boolean;
}

export interface Dockerfile {
  directives: {
    syntax: string | undefined;
    escape: "\\" | "`";
    check: CheckOptions | undefined;
  };
  /** ARG before the first FROM. */
  metaArgs: (ArgInstruction & InstructionSource)[];
  stages: Stage[];
  /** What the parser itself has to say, for the checks: continuations with nothing in them. */
  emptyContinuations: Location[];
}
