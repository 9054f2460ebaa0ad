import { readFileSync } from "node:fs";
import { messageOf } from "#errors";
import { formatReference, isDigest, parseReference, repositoryOf, withDefaultTag } from "#oci";
import type { Platform, Reference } from "#oci";
import { fileProblem } from "../options/fileProblem.ts";

/** What a new image is made of: what the command line said of it. */
export interface Source {
  readonly reference: Reference;
  /** What is known beside where it is; a digest, or all that a descriptor says. */
  readonly wanted: WantedDescriptor;
}

/** Parts of a descriptor that a user gave. */
export interface WantedDescriptor {
  readonly mediaType?: string;
  readonly digest?: string;
  readonly size?: number;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly platform?: Platform;
}

interface Named {
  readonly reference?: Reference;
  readonly wanted: WantedDescriptor;
}

function parseDescriptorText(text: string): WantedDescriptor {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const why = messageOf(error);
    throw new Error(/^Unexpected end|^Unterminated/.test(why) ? "unexpected end of JSON input" : why, { cause: error });
  }
  return value as WantedDescriptor;
}

/** What opencontainers/go-digest says of what is no digest. */
function digestProblem(text: string): string {
  const [, encoded] = /^sha256:([A-Za-z0-9=_-]+)$/.exec(text) ?? [];
  return `invalid checksum digest ${encoded === undefined || encoded.length === 64 ? "format" : "length"}`;
}

function parseOne(text: string): Named {
  if (isDigest(text)) return { wanted: { digest: text } };
  if (text.startsWith("sha256")) throw new Error(digestProblem(text));
  try {
    return { reference: parseReference(text), wanted: {} };
  } catch (error) {
    if (!text.startsWith("{")) throw error;
    return { wanted: parseDescriptorText(text) };
  }
}

function parseSource(text: string): Named {
  try {
    return parseOne(text);
  } catch (error) {
    const why = "valid sources are digests, references and descriptors";
    throw new Error(`failed to parse source ${JSON.stringify(text)}, ${why}: ${messageOf(error)}`, { cause: error });
  }
}

function readSource(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new Error(fileProblem(error, "open", path), { cause: error });
  }
}

/** What stood on the command line of `imagetools create`. */
export interface CreateWishes {
  readonly files: readonly string[];
  readonly tags: readonly string[];
  readonly sources: readonly string[];
  readonly append: boolean;
}

/** A source without a repository is in the only one that the command names. */
function located(source: Named, text: string, repositories: readonly Reference[]): Source {
  const { reference, wanted } = source;
  if (reference !== undefined) return { reference, wanted };
  const [repository, ...others] = repositories;
  if (repository === undefined || others.length > 0) {
    throw new Error(`multiple repositories specified, cannot infer repository for ${JSON.stringify(text)}`);
  }
  const isDigestOnly = wanted.mediaType === undefined && wanted.digest !== undefined;
  if (!isDigestOnly) return { reference: withDefaultTag(repository), wanted };
  return { reference: parseReference(`${formatReference(repository)}@${wanted.digest}`), wanted };
}

/** @throws {Error} in buildx's words. */
export function parseSources(wishes: CreateWishes): {
  readonly tags: readonly Reference[];
  readonly sources: readonly Source[];
} {
  const given = [...wishes.files.map(readSource), ...wishes.sources];
  const tags = wishes.tags.map(parseReference);
  const texts = wishes.append && wishes.tags[0] !== undefined ? [wishes.tags[0], ...given] : given;
  const named = texts.map(parseSource);
  const repositories = new Map(
    [...tags, ...named.flatMap(({ reference }) => reference ?? [])]
      .map(repositoryOf)
      .map((repository) => [formatReference(repository), repository]),
  );
  if (repositories.size === 0) throw new Error("no repositories specified, please set a reference in tag or source");
  const list = [...repositories.values()];
  return { tags, sources: named.map((source, at) => located(source, texts[at] ?? "", list)) };
}
