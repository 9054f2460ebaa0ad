import { encodeRegistryAuth, readCredentials, serverOf } from "#client";
import { isNotFound } from "#errors";
import { parseReference, withDefaultTag } from "#oci";
import { defineCommand } from "../core/command.ts";
import type { Command } from "../core/command.ts";
import { CommandError } from "../core/commandError.ts";
import { boolFlag } from "../core/flags.ts";

/** One document of `GET /varve/manifest/inspect`: the named one first, then the children of an index. */
interface ManifestReply {
  readonly Ref: string;
  readonly Descriptor: Readonly<Record<string, unknown>>;
  /** base64 of the document's bytes. */
  readonly Raw: string;
}

type Json = Readonly<Record<string, unknown>>;

const DESCRIPTOR_KEYS = ["mediaType", "size", "digest", "urls", "annotations", "platform"];
const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Descriptors in the key order of Docker's types, whatever order the registry's document has. */
function ordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(ordered);
  if (!isObject(value)) return value;
  const keys = Object.keys(value);
  const sorted =
    "digest" in value
      ? [...DESCRIPTOR_KEYS.filter((key) => key in value), ...keys.filter((key) => !DESCRIPTOR_KEYS.includes(key))]
      : keys;
  return Object.fromEntries(sorted.map((key) => [key, ordered(value[key])]));
}

const documentOf = (reply: ManifestReply): unknown =>
  ordered(JSON.parse(Buffer.from(reply.Raw, "base64").toString("utf8")));
const isIndex = (reply: ManifestReply): boolean => /index|manifest\.list/.test(String(reply.Descriptor["mediaType"]));

function verbose(reply: ManifestReply): Json {
  const isOci = String(reply.Descriptor["mediaType"]).includes("vnd.oci");
  return {
    Ref: reply.Ref,
    Descriptor: reply.Descriptor,
    Raw: reply.Raw,
    [isOci ? "OCIManifest" : "SchemaV2Manifest"]: documentOf(reply),
  };
}

function shown(replies: readonly ManifestReply[], isVerbose: boolean): unknown {
  const [first, ...children] = replies;
  if (first === undefined) return [];
  if (!isVerbose) return documentOf(first);
  return isIndex(first) ? children.map(verbose) : verbose(first);
}

/** `varve manifest inspect`: straight from the registry; nothing is pulled. */
export const manifestInspect: Command = defineCommand({
  use: "[OPTIONS] [MANIFEST_LIST] MANIFEST",
  short: "Display an image manifest, or manifest list",
  examples: `manifest inspect debian:12-slim
manifest inspect -v nginx`,
  args: { min: 1, max: 2 },
  flags: {
    insecure: boolFlag(undefined, "Allow communication with an insecure registry"),
    verbose: boolFlag("v", "Output additional info including layers and platform"),
  },
  async run({ session, flags, args }) {
    const name = args.at(-1) ?? "";
    const reference = withDefaultTag(parseReference(name));
    const auth = await readCredentials(session.config, serverOf(reference));
    let replies: readonly ManifestReply[];
    try {
      replies = await session.client.json<readonly ManifestReply[]>({
        path: "/varve/manifest/inspect",
        query: { name, insecure: flags.insecure },
        headers: { "X-Registry-Auth": encodeRegistryAuth(auth) },
      });
    } catch (error) {
      if (isNotFound(error)) throw new CommandError(`no such manifest: ${name}`);
      throw error;
    }
    session.print(`${JSON.stringify(shown(replies, flags.verbose), undefined, "\t")}\n`);
    return undefined;
  },
});
