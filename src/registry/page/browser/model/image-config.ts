import { list, object, pairs, text, texts } from "./json.ts";
import { type Platform, parsePlatform } from "./platform.ts";
import { parseTime } from "./time.ts";

export interface ImageConfig {
  platform: Platform;
  created: Date | undefined;
  history: { createdBy: string; emptyLayer: boolean }[];
  /** What a container gets, in the words of the Dockerfile; only what is set. */
  settings: Setting[];
}

export interface Setting {
  name: string;
  values: string[];
}

/** The config of an image. Throws SyntaxError if it is no JSON. @see OCI image-spec config.md */
export function parseImageConfig(body: string): ImageConfig {
  const fields = object(JSON.parse(body));
  return {
    platform: parsePlatform(fields),
    created: parseTime(text(fields.created)),
    history: list(fields.history).map((entry) => {
      const step = object(entry);
      return { createdBy: text(step.created_by) || text(step.comment), emptyLayer: step.empty_layer === true };
    }),
    settings: settingsOf(fields.config, text(fields.author)),
  };
}

function settingsOf(value: unknown, author: string): Setting[] {
  const config = object(value);
  const one = (item: string) => (item === "" ? [] : [item]);
  const names = (item: unknown) => pairs(item).map(([name]) => name);
  const equations = (item: unknown) => pairs(item).map(([name, content]) => `${name}=${content}`);
  const health = texts(object(config.Healthcheck).Test);
  const all: Setting[] = [
    { name: "Entrypoint", values: execForm(config.Entrypoint) },
    { name: "Command", values: execForm(config.Cmd) },
    { name: "User", values: one(text(config.User)) },
    { name: "Working directory", values: one(text(config.WorkingDir)) },
    { name: "Ports", values: names(config.ExposedPorts) },
    { name: "Volumes", values: names(config.Volumes) },
    { name: "Environment", values: texts(config.Env) },
    { name: "Labels", values: equations(config.Labels) },
    { name: "Stop signal", values: one(text(config.StopSignal)) },
    { name: "Health check", values: health.length === 0 ? [] : [health.join(" ")] },
    { name: "Shell", values: execForm(config.Shell) },
    { name: "On build", values: texts(config.OnBuild) },
    { name: "Author", values: one(author) },
  ];
  return all.filter(({ values }) => values.length > 0);
}

function execForm(value: unknown): string[] {
  const words = texts(value);
  return words.length === 0 ? [] : [`[${words.map((word) => JSON.stringify(word)).join(", ")}]`];
}
