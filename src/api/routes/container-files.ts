import { invalid } from "../../base/errors.ts";
import type { Containers } from "../../containers/containers.ts";
import type { WireCommitted } from "../../wire/containers.ts";
import { compressed } from "../compressed.ts";
import { decodeContainerSpec } from "../containers/decode-spec.ts";
import { encodeChange, pathStatHeader } from "../containers/encode-files.ts";
import { TAR } from "../content-types.ts";
import { flag } from "../query.ts";
import { type ApiRequest, type Route, route } from "../route.ts";

const OCTETS = "application/octet-stream";

/** The files of containers: copied, compared, exported, committed. */
export function containerFileRoutes(containers: Containers): Route[] {
  return [
    route("HEAD", "/containers/{id}/archive", async ({ params, query }) => ({
      status: 200,
      headers: pathStatHeader(await containers.pathStatus(params.id, pathOf(query))),
    })),
    route("GET", "/containers/{id}/archive", async (request) => {
      const { params, query, signal } = request;
      const { status, stream } = await containers.readArchive(params.id, pathOf(query), signal);
      const reply = { stream, contentType: TAR, headers: pathStatHeader(status) };
      return compressed(reply, request.header("accept-encoding"));
    }),
    route("PUT", "/containers/{id}/archive", async ({ params, query, body, signal }) => {
      await containers.writeArchive(params.id, pathOf(query), body, {
        keepKinds: flag(query, "noOverwriteDirNonDir"),
        ownedByUser: flag(query, "copyUIDGID"),
        signal,
      });
      return { status: 200 };
    }),
    route("GET", "/containers/{id}/changes", async ({ params }) => ({
      status: 200,
      body: (await containers.changes(params.id)).map(encodeChange),
    })),
    route("GET", "/containers/{id}/export", async ({ params, signal }) => ({
      stream: await containers.export(params.id, signal),
      contentType: OCTETS,
    })),
    route("POST", "/commit", async (request) => {
      const body: WireCommitted = { Id: await commit(containers, request) };
      return { status: 201, body };
    }),
  ];
}

async function commit(containers: Containers, request: ApiRequest<unknown>): Promise<string> {
  const { query, signal } = request;
  const text = (name: string) => query.get(name) ?? "";
  const body = await request.json();
  return containers.commit(text("container"), {
    repository: text("repo"),
    tag: text("tag"),
    comment: text("comment"),
    author: text("author"),
    pause: flag(query, "pause", true),
    changes: query
      .getAll("changes")
      .flatMap((change) => change.split("\n"))
      .filter((line) => line.trim() !== ""),
    // Docker's command sends `null`: as the container is.
    config: body === undefined || body === null ? undefined : decodeContainerSpec(body, { name: "", platform: "" }),
    signal,
  });
}

function pathOf(query: URLSearchParams): string {
  const path = query.get("path") ?? "";
  if (path === "") throw invalid("bad parameter: path cannot be empty");
  return path;
}
