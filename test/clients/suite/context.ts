import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { startDaemon, type TestDaemon } from "../../harness/daemon.ts";
import type { ProgramOptions, ProgramResult } from "../../harness/run-program.ts";
import { startInTerminal, type Terminal } from "../../harness/terminal.ts";

/** A command line under test against a daemon of its own. */
export interface Context {
  readonly daemon: TestDaemon;
  /** Runs the command. */
  run(args: string[], options?: ProgramOptions): Promise<ProgramResult>;
  /** Runs it, expects exit code 0, returns standard output without the last newline. */
  ok(args: string[], options?: ProgramOptions): Promise<string>;
  /** Runs it on a pseudo terminal. */
  terminal(args: string[]): Terminal;
}

export type Suite = (context: Context) => void;

/** Registers `suites` for one command line, or one visible skip when the program is not here. */
export function describeClient(name: string, command: string[], suites: Suite[]): void {
  const program = command[0] ?? "";
  if (!existsSync(program)) {
    test.skip(`${name}: ${program} is not installed`, () => undefined);
    return;
  }
  describe(name, () => {
    let daemon: TestDaemon | undefined;
    const started = () => {
      if (daemon === undefined) throw new Error("the daemon did not start");
      return daemon;
    };
    beforeAll(async () => {
      daemon = await startDaemon();
    }, 60_000);
    const context: Context = {
      get daemon() {
        return started();
      },
      run: (args, options) => started().client([...command, ...args], options),
      ok: async (args, options) => {
        const result = await started().client([...command, ...args], options);
        if (result.code !== 0)
          throw new Error(`${args.join(" ")}: exit code ${result.code}: ${result.stderr}${result.stdout}`);
        return result.stdout.replace(/\n$/, "");
      },
      terminal: (args) => startInTerminal([...command, ...args], { env: { DOCKER_HOST: started().host } }),
    };
    for (const suite of suites) suite(context);

    test("nothing is left when every container is removed", async () => {
      expect(await started().leakCheck()).toEqual([]);
    });

    afterEach(() => daemon?.removeContainers());
    afterAll(async () => {
      await daemon?.[Symbol.asyncDispose]();
    }, 60_000);
  });
}
