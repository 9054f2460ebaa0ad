import { messageOf, wrapError } from "#errors";
import { formatReference, parseDigest, repositoryOf } from "#oci";
import type { Platform, Reference } from "#oci";
import { defineCommand } from "../core/command.ts";
import type { Command } from "../core/command.ts";
import { CommandError } from "../core/commandError.ts";
import { boolFlag, listFlag, stringFlag } from "../core/flags.ts";
import type { Flag } from "../core/flags.ts";
import type { Session } from "../core/session.ts";
import { blobsOf, fetchManifests, manifestList, normalReference } from "../manifests/imageManifest.ts";
import type { ImageManifest } from "../manifests/imageManifest.ts";
import { ManifestStore } from "../manifests/manifestStore.ts";
import { csvFields } from "../options/csv.ts";
import { RegistryCalls } from "../registry/registryCalls.ts";

/** What Docker's client lets stand in a list. */
const PLATFORMS: Readonly<Record<string, readonly string[]>> = {
  darwin: ["386", "amd64", "arm", "arm64"],
  dragonfly: ["amd64"],
  freebsd: ["386", "amd64", "arm"],
  linux: ["386", "amd64", "arm", "arm64", "ppc64le", "mips64", "mips64le", "riscv64", "s390x"],
  netbsd: ["386", "amd64", "arm"],
  openbsd: ["386", "amd64", "arm"],
  plan9: ["386", "amd64"],
  solaris: ["amd64"],
  windows: ["386", "amd64"],
};

function parsed(text: string, about: string): Reference {
  try {
    return normalReference(text);
  } catch (error) {
    throw new Error(`${about} ${text}: ${messageOf(error)}`, { cause: error });
  }
}

async function oneManifest(registry: RegistryCalls, reference: Reference): Promise<ImageManifest> {
  const found = await fetchManifests(registry, reference);
  if (found.kind === "manifest") return found.manifest;
  throw new Error(`${formatReference(reference)} is a manifest list`);
}

/** `varve manifest create`. */
export const manifestCreate: Command = defineCommand({
  use: "MANIFEST_LIST MANIFEST [MANIFEST...]",
  short: "Create a local manifest list for annotating and pushing to a registry",
  examples: "manifest create example.com/app:1 example.com/app:amd64 example.com/app:arm64",
  args: { min: 2 },
  flags: {
    amend: boolFlag("a", "Amend an existing manifest list"),
    insecure: boolFlag(undefined, "Allow communication with an insecure registry"),
  },
  async run({ session, flags, args: [name = "", ...manifests] }) {
    const target = parsed(name, "error parsing name for manifest list");
    const store = new ManifestStore(session.config);
    if (store.list(target) !== undefined && !flags.amend)
      throw new Error("refusing to amend an existing manifest list with no --amend flag");
    const registry = new RegistryCalls(session, flags.insecure);
    for (const text of manifests) {
      const reference = normalReference(text);
      const manifest = store.find(target, reference) ?? (await oneManifest(registry, reference));
      store.save(target, reference, manifest);
    }
    session.print(`Created manifest list ${formatReference(target)}\n`);
    return undefined;
  },
});

interface Annotations {
  readonly arch: string;
  readonly os: string;
  readonly "os-features": readonly string[];
  readonly "os-version": string;
  readonly variant: string;
}

function annotated(platform: Platform | undefined, flags: Annotations): Platform {
  const features = [...new Set([...(platform?.["os.features"] ?? []), ...flags["os-features"]])];
  return {
    ...platform,
    architecture: flags.arch || (platform?.architecture ?? ""),
    os: flags.os || (platform?.os ?? ""),
    "os.features": features,
    ...(flags["os-version"] === "" ? {} : { "os.version": flags["os-version"] }),
    ...(flags.variant === "" ? {} : { variant: flags.variant }),
  };
}

const features: Flag<readonly string[]> = {
  ...listFlag(undefined, "Set operating system feature"),
  typeName: "strings",
  parse: (text, current) => [...current, ...(text === "" ? [] : csvFields(text))],
};

/** `varve manifest annotate`. */
export const manifestAnnotate: Command = defineCommand({
  use: "[OPTIONS] MANIFEST_LIST MANIFEST",
  short: "Add additional information to a local image manifest",
  examples: "manifest annotate --arch arm64 --variant v8 example.com/app:1 example.com/app:arm64",
  args: { min: 2, max: 2 },
  flags: {
    arch: stringFlag(undefined, "Set architecture"),
    os: stringFlag(undefined, "Set operating system"),
    "os-features": features,
    "os-version": stringFlag(undefined, "Set operating system version"),
    variant: stringFlag(undefined, "Set architecture variant"),
  },
  async run({ session, flags, args: [list = "", image = ""] }) {
    const target = parsed(list, "annotate: error parsing name for manifest list");
    const reference = parsed(image, "annotate: error parsing name for manifest");
    const store = new ManifestStore(session.config);
    const manifest = store.find(target, reference);
    if (manifest === undefined) throw new Error(`manifest for image ${image} does not exist in ${list}`);
    const platform = annotated(manifest.platform, flags);
    if (PLATFORMS[platform.os]?.includes(platform.architecture) !== true) {
      throw new Error(`manifest entry for image has unsupported os/arch combination: ${flags.os}/${flags.arch}`);
    }
    store.save(target, reference, { ...manifest, platform });
    return undefined;
  },
});

/** What the list's repository lacks of a manifest that lies in another one: its blobs, then itself. */
async function bringOver(registry: RegistryCalls, target: Reference, manifest: ImageManifest): Promise<string> {
  const to = formatReference(target);
  for (const blob of blobsOf(manifest)) await registry.copy(manifest.ref, to, blob);
  const place = formatReference({ ...repositoryOf(target), digest: parseDigest(manifest.digest) });
  return `Pushed ref ${place} with digest: ${await put(registry, place, manifest)}\n`;
}

async function put(
  registry: RegistryCalls,
  name: string,
  document: { readonly raw: Uint8Array; readonly mediaType: string },
): Promise<string> {
  try {
    return await registry.put(name, document);
  } catch (error) {
    throw wrapError(error, `failed to put manifest ${name}`);
  }
}

async function pushList(session: Session, target: Reference, insecure: boolean): Promise<void> {
  const manifests = new ManifestStore(session.config).list(target);
  const name = formatReference(target);
  if (manifests === undefined) throw new Error(`No such manifest: ${name}`);
  if (manifests.length === 0) throw new Error(`${name} not found`);
  const blank = manifests.find(({ platform }) => !platform?.architecture || !platform.os);
  if (blank !== undefined)
    throw new Error(`manifest ${blank.ref} must have an OS and Architecture to be pushed to a registry`);
  const list = manifestList(target, manifests);
  const registry = new RegistryCalls(session, insecure);
  const foreign = manifests.filter(({ ref }) => normalReference(ref).path !== target.path);
  for (const manifest of foreign) session.print(await bringOver(registry, target, manifest));
  session.print(`${await put(registry, name, list)}\n`);
}

/** `varve manifest push`. */
export const manifestPush: Command = defineCommand({
  use: "[OPTIONS] MANIFEST_LIST",
  short: "Push a manifest list to a repository",
  args: { min: 1, max: 1 },
  flags: {
    insecure: boolFlag(undefined, "Allow push to an insecure registry"),
    purge: boolFlag("p", "Remove the local manifest list after push"),
  },
  async run({ session, flags, args: [name = ""] }) {
    const target = normalReference(name);
    await pushList(session, target, flags.insecure);
    if (flags.purge) new ManifestStore(session.config).remove(target);
    return undefined;
  },
});

/** `varve manifest rm`. */
export const manifestRemove: Command = defineCommand({
  use: "MANIFEST_LIST [MANIFEST_LIST...]",
  short: "Delete one or more manifest lists from local storage",
  args: { min: 1 },
  flags: {},
  async run({ session, args }) {
    const store = new ManifestStore(session.config);
    const problems = args.flatMap((name) => {
      try {
        const target = normalReference(name);
        if (store.list(target) === undefined) return [`No such manifest: ${formatReference(target)}`];
        store.remove(target);
        return [];
      } catch (error) {
        return [messageOf(error)];
      }
    });
    if (problems.length > 0) throw new CommandError(problems.join("\n"));
    return undefined;
  },
});
