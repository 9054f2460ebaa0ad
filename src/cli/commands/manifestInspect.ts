import { encodeRegistryAuth, readCredentials, serverOf } from "#client";
import { isNotFound } from "#errors";
import { familiarReference, parseReference, withDefaultTag } from "#oci";
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

/** Order of Go's structs, which is what Docker's command line prints lists from; what is not in them it leaves out. */
const LISTED_KEYS = ["mediaType", "size", "digest", "urls", "platform"];
const DESCRIBED_KEYS = ["mediaType", "digest", "size", "urls", "platform"];
const PLATFORM_KEYS = ["architecture", "os", "os.version", "os.features", "variant"];
const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const pick = (value: Json, keys: readonly string[]): Json =>
  Object.fromEntries(keys.filter((key) => key in value).map((key) => [key, value[key]]));

function descriptorOf(reply: ManifestReply, keys: readonly string[]): Json {
  const { platform } = reply.Descriptor;
  const whole = isObject(platform)
    ? { ...reply.Descriptor, platform: pick(platform, PLATFORM_KEYS) }
    : reply.Descriptor;
  return pick(whole, keys);
}

const documentOf = (reply: ManifestReply): unknown => JSON.parse(Buffer.from(reply.Raw, "base64").toString("utf8"));
const isIndex = (reply: ManifestReply): boolean => /index|manifest\.list/.test(String(reply.Descriptor["mediaType"]));

function verbose(reply: ManifestReply): Json {
  const isOci = String(reply.Descriptor["mediaType"]).includes("vnd.oci");
  return {
    Ref: reply.Ref,
    Descriptor: descriptorOf(reply, DESCRIBED_KEYS),
    Raw: reply.Raw,
    [isOci ? "OCIManifest" : "SchemaV2Manifest"]: documentOf(reply),
  };
}

/** Lists are indented by three spaces, all else by tabs: Docker's two encoders. */
function shown(replies: readonly ManifestReply[], isVerbose: boolean): string {
  const [first, ...children] = replies;
  if (first === undefined) return "[]";
  if (isVerbose) return JSON.stringify(isIndex(first) ? children.map(verbose) : verbose(first), undefined, "\t");
  if (!isIndex(first)) return JSON.stringify(documentOf(first), undefined, "\t");
  const { mediaType } = first.Descriptor;
  const manifests = children.map((child) => descriptorOf(child, LISTED_KEYS));
  return JSON.stringify({ schemaVersion: 2, mediaType, manifests }, undefined, 3);
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
      if (isNotFound(error)) throw new CommandError(`no such manifest: ${familiarReference(reference)}`);
      throw error;
    }
    session.print(`${shown(replies, flags.verbose)}\n`);
    return undefined;
  },
});
