import type { ListLayout, Row } from "./list-format.ts";
import { goTime, humanDuration, humanSize } from "./units.ts";

/** What the list reads of `GET /images/json`. */
export interface ListedImage {
  Id: string;
  RepoTags: string[] | null;
  RepoDigests: string[] | null;
  Created: number;
  Size: number;
  SharedSize: number;
  Containers: number;
}

const SHORT_ID = 12;
const NONE = "<none>";

export function imageLayout(digests: boolean): ListLayout {
  const columns = digests
    ? ["Repository", "Tag", "Digest", "ID", "CreatedSince", "Size"]
    : ["Repository", "Tag", "ID", "CreatedSince", "Size"];
  return {
    headers: {
      ID: "IMAGE ID",
      Repository: "REPOSITORY",
      Tag: "TAG",
      Digest: "DIGEST",
      CreatedSince: "CREATED",
      CreatedAt: "CREATED AT",
      Size: "SIZE",
      Containers: "CONTAINERS",
      VirtualSize: "SIZE",
      SharedSize: "SHARED SIZE",
      UniqueSize: "UNIQUE SIZE",
    },
    table: columns.map((name) => `{{.${name}}}`).join("\t"),
    rowType: "*formatter.imageContext",
    quiet: "ID",
  };
}

interface Named {
  repository: string;
  tag: string;
  digest: string;
}

/** One row for each name of the image; with `digests`, one for each digest of a name. */
export function imageRows(image: ListedImage, options: { noTrunc: boolean; digests: boolean; now: Date }): Row[] {
  const created = new Date(image.Created * 1000);
  const common = {
    ID: options.noTrunc ? image.Id : image.Id.replace(/^sha256:/, "").slice(0, SHORT_ID),
    CreatedSince: image.Created === 0 ? "N/A" : `${humanDuration(options.now.getTime() - created.getTime())} ago`,
    Size: humanSize(image.Size, 3),
    VirtualSize: humanSize(image.Size),
    Containers: image.Containers < 0 ? "N/A" : String(image.Containers),
    SharedSize: image.SharedSize < 0 ? "N/A" : humanSize(image.SharedSize, 3),
    UniqueSize: image.SharedSize < 0 ? "N/A" : humanSize(image.Size - image.SharedSize, 3),
  };
  return namesOf(image, options.digests).map((name) => ({
    ...common,
    Repository: name.repository,
    Tag: name.tag,
    Digest: name.digest,
    // Only when asked for: the first look at a time zone costs milliseconds.
    get CreatedAt() {
      return goTime(created);
    },
  }));
}

function namesOf(image: ListedImage, withDigests: boolean): Named[] {
  const tags = (image.RepoTags ?? []).filter((tag) => tag !== "<none>:<none>");
  const digests = (image.RepoDigests ?? []).filter((digest) => digest !== "<none>@<none>");
  const digestsOf = (repository: string) =>
    digests
      .filter((digest) => digest.startsWith(`${repository}@`))
      .map((digest) => digest.slice(repository.length + 1));
  const names: Named[] = [];
  for (const tag of tags) {
    const colon = tag.lastIndexOf(":");
    const repository = tag.slice(0, colon);
    const own = withDigests ? digestsOf(repository) : [];
    for (const digest of own.length === 0 ? [NONE] : own) names.push({ repository, tag: tag.slice(colon + 1), digest });
  }
  const tagged = new Set(names.map((name) => name.repository));
  for (const digest of digests) {
    const [repository = "", value = ""] = digest.split("@");
    if (!tagged.has(repository)) names.push({ repository, tag: NONE, digest: value });
  }
  return names.length === 0 ? [{ repository: NONE, tag: NONE, digest: NONE }] : names;
}
