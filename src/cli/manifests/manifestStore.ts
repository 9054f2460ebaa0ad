import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { formatReference, parseDescriptor, digestOf } from "#oci";
import type { Reference } from "#oci";
import type { ConfigFile } from "#client";
import { goMarshal } from "../format/goEncoding.ts";
import { manifestJson } from "./imageManifest.ts";
import type { ImageManifest } from "./imageManifest.ts";

type Json = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Json => typeof value === "object" && value !== null;
const fileName = (reference: Reference): string => formatReference(reference).replaceAll(":", "-").replaceAll("/", "_");

function isAbsent(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}

/** Clients before Docker 23 kept no bytes: what they printed is made again. */
function rawOf(value: Json, digest: string): Buffer {
  if (typeof value["Raw"] === "string" && value["Raw"] !== "") return Buffer.from(value["Raw"], "base64");
  const isOci = value["OCIManifest"] !== undefined;
  const raw = Buffer.from(goMarshal(value["OCIManifest"] ?? value["SchemaV2Manifest"], isOci ? "  " : "   "));
  if (digestOf(raw) === digest) return raw;
  throw new Error(`internal digest mismatch for ${String(value["Ref"])}: expected ${digest}, got ${digestOf(raw)}`);
}

function readManifest(path: string): ImageManifest {
  const value: unknown = JSON.parse(readFileSync(path, "utf8"));
  if (!isObject(value) || typeof value["Ref"] !== "string") throw new Error(`invalid manifest file ${path}`);
  const { mediaType, digest, platform } = parseDescriptor(value["Descriptor"], path);
  const own = isObject(value["Descriptor"]) ? value["Descriptor"]["platform"] : undefined;
  const blank = isObject(own) ? { architecture: "", os: "" } : undefined;
  const whole = platform ?? blank;
  return {
    ref: value["Ref"],
    mediaType,
    digest,
    raw: rawOf(value, digest),
    ...(whole === undefined ? {} : { platform: whole }),
  };
}

/** Lists that were created and not pushed yet, in the folder and the files in which Docker's client keeps them. */
export class ManifestStore {
  readonly #root: string;

  constructor(config: ConfigFile) {
    this.#root = join(dirname(config.path), "manifests");
  }

  /** @throws `No such manifest: …` */
  get(list: Reference, manifest: Reference): ImageManifest {
    const found = this.find(list, manifest);
    if (found === undefined) throw new Error(`No such manifest: ${formatReference(manifest)}`);
    return found;
  }

  find(list: Reference, manifest: Reference): ImageManifest | undefined {
    try {
      return readManifest(join(this.#root, fileName(list), fileName(manifest)));
    } catch (error) {
      if (isAbsent(error)) return undefined;
      throw error;
    }
  }

  /** By file name; undefined when there is no such list. */
  list(list: Reference): readonly ImageManifest[] | undefined {
    const folder = join(this.#root, fileName(list));
    let names: readonly string[];
    try {
      names = readdirSync(folder);
    } catch (error) {
      if (isAbsent(error)) return undefined;
      throw error;
    }
    return [...names].sort().map((name) => readManifest(join(folder, name)));
  }

  save(list: Reference, manifest: Reference, image: ImageManifest): void {
    const folder = join(this.#root, fileName(list));
    mkdirSync(folder, { recursive: true });
    const path = join(folder, fileName(manifest));
    // Beside the folder: every file in it is taken for a manifest.
    const temporary = `${folder}.${process.pid}`;
    writeFileSync(temporary, goMarshal(manifestJson(image)));
    renameSync(temporary, path);
  }

  remove(list: Reference): void {
    rmSync(join(this.#root, fileName(list)), { recursive: true, force: true });
  }
}
