import type { Command } from "./command.ts";

/** One verb. Its module is loaded when it is called, so that a start pays for one verb only. */
export interface Entry {
  short: string;
  section: "common" | "other";
  /** Another name of a verb, left out of the help. */
  aliasOf?: string;
  load(): Promise<{ command: Command }>;
}

const entry = (short: string, load: Entry["load"], section: Entry["section"] = "other"): Entry => ({
  short,
  section,
  load,
});
const alias = (of: Entry, name: string): Entry => ({ ...of, aliasOf: name });

const run = entry("Create and run a new container from an image", () => import("./container/run.ts"), "common");
const exec = entry("Execute a command in a running container", () => import("./container/exec.ts"), "common");
const ps = entry("List containers", () => import("./container/ps.ts"), "common");
const attach = entry(
  "Attach local standard input, output, and error streams to a running container",
  () => import("./container/attach.ts"),
);
const commit = entry("Create a new image from a container's changes", () => import("./container/commit.ts"));
const cp = entry("Copy files/folders between a container and the local filesystem", () => import("./container/cp.ts"));
const create = entry("Create a new container", () => import("./container/create.ts"));
const diff = entry(
  "Inspect changes to files or directories on a container's filesystem",
  () => import("./container/diff.ts"),
);
const exportContainer = entry(
  "Export a container's filesystem as a tar archive",
  () => import("./container/export.ts"),
);
const kill = entry("Kill one or more running containers", () => import("./container/kill.ts"));
const logs = entry("Fetch the logs of a container", () => import("./container/logs.ts"));
const pause = entry("Pause all processes within one or more containers", () => import("./container/pause.ts"));
const unpause = entry("Unpause all processes within one or more containers", () => import("./container/unpause.ts"));
const port = entry("List port mappings or a specific mapping for the container", () => import("./container/port.ts"));
const rename = entry("Rename a container", () => import("./container/rename.ts"));
const restart = entry("Restart one or more containers", () => import("./container/restart.ts"));
const rm = entry("Remove one or more containers", () => import("./container/rm.ts"));
const start = entry("Start one or more stopped containers", () => import("./container/start.ts"));
const stop = entry("Stop one or more running containers", () => import("./container/stop.ts"));
const top = entry("Display the running processes of a container", () => import("./container/top.ts"));
const wait = entry(
  "Block until one or more containers stop, then print their exit codes",
  () => import("./container/wait.ts"),
);

const build = entry("Build an image from a Dockerfile", () => import("./build/build.ts"), "common");
const cacheUsage = entry("Show what the build cache takes", () => import("./build/du.ts"));
const cachePrune = entry("Remove build cache", () => import("./build/prune.ts"));
const images = entry("List images", () => import("./image/ls.ts"), "common");
const pull = entry("Download an image from a registry", () => import("./image/pull.ts"), "common");
const push = entry("Upload an image to a registry", () => import("./image/push.ts"), "common");
const login = entry("Authenticate to a registry", () => import("./credentials/login.ts"), "common");
const logout = entry("Log out from a registry", () => import("./credentials/logout.ts"), "common");
const search = entry("Search Docker Hub for images", () => import("./image/search.ts"), "common");
const history = entry("Show the history of an image", () => import("./image/history.ts"));
const importImage = entry(
  "Import the contents from a tarball to create a filesystem image",
  () => import("./image/import.ts"),
);
const load = entry("Load an image from a tar archive or STDIN", () => import("./image/load.ts"));
const rmi = entry("Remove one or more images", () => import("./image/rm.ts"));
const save = entry(
  "Save one or more images to a tar archive (streamed to STDOUT by default)",
  () => import("./image/save.ts"),
);
const tag = entry("Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE", () => import("./image/tag.ts"));

const networkLs = entry("List networks", () => import("./network/ls.ts"));
const networkRm = entry("Remove one or more networks", () => import("./network/rm.ts"));
const volumeLs = entry("List volumes", () => import("./volume/ls.ts"));
const volumeRm = entry("Remove one or more volumes", () => import("./volume/rm.ts"));

const info = entry("Display system-wide information", () => import("./system/info.ts"), "common");
const version = entry("Show the version information", () => import("./system/version.ts"), "common");
const events = entry("Get real time events from the server", () => import("./system/events.ts"));
const inspect = entry("Return low-level information on Docker objects", () => import("./system/inspect.ts"));

export const TOP: Record<string, Entry> = {
  run,
  exec,
  ps,
  build,
  images,
  pull,
  push,
  login,
  logout,
  search,
  version,
  info,
  attach,
  commit,
  cp,
  create,
  diff,
  events,
  export: exportContainer,
  history,
  import: importImage,
  inspect,
  kill,
  load,
  logs,
  pause,
  port,
  rename,
  restart,
  rm,
  rmi,
  save,
  start,
  stop,
  tag,
  top,
  unpause,
  wait,
};

export interface Group {
  short: string;
  entries: Record<string, Entry>;
  /** Groups within the group. */
  groups?: Record<string, Group>;
}

const historyLs = entry("List build records", () => import("./build/history/ls.ts"));
const buildHistory: Group = {
  short: "Commands to work on build records",
  entries: {
    inspect: entry("Inspect a build record", () => import("./build/history/inspect.ts")),
    logs: entry("Print the logs of a build record", () => import("./build/history/logs.ts")),
    ls: historyLs,
    list: alias(historyLs, "ls"),
    rm: entry("Remove build records", () => import("./build/history/rm.ts")),
  },
};

const builderLs = entry("List builder instances", () => import("./build/builder/ls.ts"));
const builderEntries: Group["entries"] = {
  bake: entry("Build from a file", () => import("./build/bake/bake.ts")),
  build,
  du: cacheUsage,
  inspect: entry("Inspect current builder instance", () => import("./build/builder/inspect.ts")),
  ls: builderLs,
  list: alias(builderLs, "ls"),
  prune: cachePrune,
  version: entry("Show builder version information", () => import("./build/builder/version.ts")),
};

export const GROUPS: Record<string, Group> = {
  builder: {
    short: "Manage builds",
    entries: builderEntries,
    groups: { history: buildHistory },
  },
  buildx: {
    short: "The builder under the names of Docker's buildx",
    entries: builderEntries,
    groups: { history: buildHistory },
  },
  container: {
    short: "Manage containers",
    entries: {
      attach,
      commit,
      cp,
      create,
      diff,
      exec,
      export: exportContainer,
      inspect: entry("Display detailed information on one or more containers", () => import("./container/inspect.ts")),
      kill,
      logs,
      ls: ps,
      list: alias(ps, "ls"),
      ps: alias(ps, "ls"),
      pause,
      port,
      prune: entry("Remove all stopped containers", () => import("./container/prune.ts")),
      rename,
      restart,
      rm,
      remove: alias(rm, "rm"),
      run,
      start,
      stop,
      top,
      unpause,
      wait,
    },
  },
  image: {
    short: "Manage images",
    entries: {
      build,
      history,
      import: importImage,
      inspect: entry("Display detailed information on one or more images", () => import("./image/inspect.ts")),
      load,
      ls: images,
      list: alias(images, "ls"),
      prune: entry("Remove unused images", () => import("./image/prune.ts")),
      pull,
      push,
      rm: rmi,
      remove: alias(rmi, "rm"),
      save,
      tag,
    },
  },
  manifest: {
    short: "Manage image manifests and manifest lists",
    entries: {
      annotate: entry("Add additional information to a local image manifest", () => import("./manifest/annotate.ts")),
      create: entry(
        "Create a local manifest list for annotating and pushing to a registry",
        () => import("./manifest/create.ts"),
      ),
      inspect: entry("Display an image manifest, or manifest list", () => import("./manifest/inspect.ts")),
      push: entry("Push a manifest list to a repository", () => import("./manifest/push.ts")),
      rm: entry("Delete one or more manifest lists from local storage", () => import("./manifest/rm.ts")),
    },
  },
  network: {
    short: "Manage networks",
    entries: {
      connect: entry("Connect a container to a network", () => import("./network/connect.ts")),
      create: entry("Create a network", () => import("./network/create.ts")),
      disconnect: entry("Disconnect a container from a network", () => import("./network/disconnect.ts")),
      inspect: entry("Display detailed information on one or more networks", () => import("./network/inspect.ts")),
      ls: networkLs,
      list: alias(networkLs, "ls"),
      prune: entry("Remove all unused networks", () => import("./network/prune.ts")),
      rm: networkRm,
      remove: alias(networkRm, "rm"),
    },
  },
  system: {
    short: "Manage the engine",
    entries: {
      check: entry("Verify everything that the engine keeps", () => import("./system/check.ts")),
      df: entry("Show docker disk usage", () => import("./system/df.ts")),
      events,
      info,
      prune: entry("Remove unused data", () => import("./system/prune.ts")),
    },
  },
  volume: {
    short: "Manage volumes",
    entries: {
      create: entry("Create a volume", () => import("./volume/create.ts")),
      inspect: entry("Display detailed information on one or more volumes", () => import("./volume/inspect.ts")),
      ls: volumeLs,
      list: alias(volumeLs, "ls"),
      prune: entry("Remove unused local volumes", () => import("./volume/prune.ts")),
      rm: volumeRm,
      remove: alias(volumeRm, "rm"),
    },
  },
};
