/** The part of dockerode that the tests use; the package brings no types. */
declare module "dockerode" {
  namespace Docker {
    interface Exec {
      start(options: { hijack: boolean; stdin: boolean }): Promise<NodeJS.ReadWriteStream>;
      inspect(): Promise<{ ExitCode: number }>;
    }
    interface Container {
      modem: {
        demuxStream(from: NodeJS.ReadableStream, out: NodeJS.WritableStream, err: NodeJS.WritableStream): void;
      };
      start(): Promise<void>;
      remove(options?: { force: boolean }): Promise<void>;
      exec(options: object): Promise<Exec>;
      inspect(): Promise<{ State: { Status: string } }>;
      wait(): Promise<{ StatusCode: number }>;
      logs(options: object): Promise<unknown>;
    }
  }
  class Docker {
    constructor(options: { socketPath: string });
    run(
      image: string,
      command: string[],
      output: NodeJS.WritableStream,
    ): Promise<[{ StatusCode: number }, Docker.Container]>;
    createContainer(options: object): Promise<Docker.Container>;
    getContainer(id: string): Docker.Container;
    listContainers(options: object): Promise<{ State: string }[]>;
    getEvents(options: object): Promise<NodeJS.ReadableStream>;
    buildImage(source: { context: string; src: string[] }, options: object): Promise<NodeJS.ReadableStream>;
    modem: {
      followProgress(stream: NodeJS.ReadableStream, done: (error: Error | null, messages: unknown[]) => void): void;
    };
  }
  export default Docker;
}
