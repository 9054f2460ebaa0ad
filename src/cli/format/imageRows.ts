import type { ImageSummary } from "#engineapi";
import { familiarName, parseReference } from "#oci";
import type { Reference } from "#oci";
import { rowStruct } from "../template/value.ts";
import type { GoStruct } from "../template/value.ts";
import { goTime, humanDuration, humanSize, shortId } from "./units.ts";

/** Column titles of an image row. */
export const IMAGE_TITLES: Readonly<Record<string, string>> = {
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
};

const NONE = "<none>";

/** The template of the default table. */
export function imageTable(digests: boolean): string {
  const digest = digests ? "\t{{.Digest}}" : "";
  return `{{.Repository}}\t{{.Tag}}${digest}\t{{.ID}}\t{{if .CreatedSince }}{{.CreatedSince}}{{else}}N/A{{end}}\t{{.Size}}`;
}

/** True when a template asks for digests, so that every tag is shown once per digest. */
export function withDigests(template: string): boolean {
  return template.includes("{{.Digest}}");
}

interface Naming {
  readonly repository: string;
  readonly tag: string;
  readonly digest: string;
}

export interface ImageRowOptions {
  readonly noTrunc: boolean;
  /** Digests beside tags. */
  readonly digests: boolean;
  /** A row for every digest that has no tag; otherwise one row per repository. */
  readonly digestRows: boolean;
}

const na = (value: number, shown: (value: number) => string): string => (value === -1 ? "N/A" : shown(value));

function imageRow(image: ImageSummary, naming: Naming, noTrunc: boolean): GoStruct {
  return rowStruct("*formatter.imageContext", {
    ID: () => (noTrunc ? image.Id : shortId(image.Id)),
    Repository: () => naming.repository,
    Tag: () => naming.tag,
    Digest: () => naming.digest,
    CreatedSince: () => (image.Created < 0 ? "" : `${humanDuration(Date.now() - image.Created * 1000)} ago`),
    CreatedAt: () => goTime(image.Created),
    Size: () => humanSize(image.Size, 3),
    Containers: () => na(image.Containers, String),
    VirtualSize: () => humanSize(image.Size),
    SharedSize: () => na(image.SharedSize, humanSize),
    UniqueSize: () => na(image.SharedSize, (shared) => humanSize(image.Size - shared)),
  });
}

function referencesOf(texts: readonly string[] | null): readonly Reference[] {
  return (texts ?? []).flatMap((text) => {
    try {
      return [parseReference(text)];
    } catch {
      // `<none>:<none>` of old daemons is no reference and gets no row.
      return [];
    }
  });
}

function group(
  references: readonly Reference[],
  part: (reference: Reference) => string | undefined,
): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const reference of references) {
    const value = part(reference);
    if (value === undefined) continue;
    const name = familiarName(reference);
    groups.set(name, [...(groups.get(name) ?? []), value]);
  }
  return groups;
}

function namings(image: ImageSummary, options: ImageRowOptions): readonly Naming[] {
  const tags = group(referencesOf(image.RepoTags), (reference) => reference.tag);
  const digests = group(referencesOf(image.RepoDigests), (reference) => reference.digest);
  const named = [...tags].flatMap(([repository, names]) => {
    const beside = options.digests ? (digests.get(repository) ?? []) : [];
    digests.delete(repository);
    return names.flatMap((tag) =>
      (beside.length === 0 ? [NONE] : beside).map((digest) => ({ repository, tag, digest })),
    );
  });
  const untagged = [...digests].flatMap(([repository, list]) =>
    (options.digestRows ? list : [""]).map((digest) => ({ repository, tag: NONE, digest })),
  );
  return [...named, ...untagged];
}

function isDangling(image: ImageSummary): boolean {
  const { RepoTags: tags, RepoDigests: digests } = image;
  if ((tags?.length ?? 0) === 0 && (digests?.length ?? 0) === 0) return true;
  return tags?.length === 1 && tags[0] === "<none>:<none>" && digests?.length === 1 && digests[0] === "<none>@<none>";
}

/** One row per tag of every image (docker/cli formatter/image.go). */
export function imageRows(images: readonly ImageSummary[], options: ImageRowOptions): readonly GoStruct[] {
  return images.flatMap((image) => {
    const list = isDangling(image) ? [{ repository: NONE, tag: NONE, digest: NONE }] : namings(image, options);
    return list.map((naming) => imageRow(image, naming, options.noTrunc));
  });
}
