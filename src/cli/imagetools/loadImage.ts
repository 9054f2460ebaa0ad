import { formatPlatform, formatReference, parseDigest, parsePlatform, repositoryOf } from "#oci";
import type { Descriptor, Platform, Reference } from "#oci";
import { parseGoJson } from "../template/value.ts";
import type { GoValue } from "../template/value.ts";
import type { RegistryCalls, RemoteDocument } from "../registry/registryCalls.ts";
import { isImage, isIndex, parseImage, parseIndex, parseJson } from "./descriptors.ts";

/** One platform of an image with what is attested of it. */
export interface LoadedImage {
  /** `linux/arm/v7` */
  readonly platform: string;
  /** The config's JSON. */
  readonly config: GoValue;
  readonly provenance: GoValue;
  /** SPDX documents, the first one apart. */
  readonly sboms: readonly GoValue[];
}

interface FoundManifest {
  readonly descriptor: Descriptor;
  readonly raw: Buffer;
}

const REFERENCES = ["com.docker.reference.digest", "vnd.docker.reference.digest"] as const;
const PREDICATE = "in-toto.io/predicate-type";
const SPDX = "https://spdx.dev/Document";
const PROVENANCE = "https://slsa.dev/provenance/";

const isEnvelope = (mediaType: string): boolean => /application\/vnd\.in-toto\..*\+dsse/.test(mediaType);
const isStatement = (mediaType: string): boolean =>
  mediaType === "application/vnd.in-toto+json" || isEnvelope(mediaType);

function normal(platform: Platform): string {
  const text = formatPlatform(platform);
  return platform.os === "unknown" ? text : formatPlatform(parsePlatform(text));
}

/** Everything that `imagetools inspect --format` may ask for, read from a registry. */
export class ImageLoader {
  readonly #registry: RegistryCalls;
  readonly #reference: Reference;
  readonly #images = new Map<string, FoundManifest>();
  readonly #attestations = new Map<string, FoundManifest[]>();

  constructor(registry: RegistryCalls, reference: Reference) {
    this.#registry = registry;
    this.#reference = reference;
  }

  /** By platform. */
  async load(document: RemoteDocument): Promise<readonly LoadedImage[]> {
    const { digest, mediaType, raw } = document;
    await this.#visit({ digest: parseDigest(digest), mediaType, size: raw.byteLength }, raw);
    const platforms = [...this.#images.keys()].sort();
    return Promise.all(platforms.map((platform) => this.#loaded(platform)));
  }

  async #visit(descriptor: Descriptor, raw: Buffer): Promise<void> {
    if (isIndex(descriptor.mediaType)) {
      await Promise.all(
        parseIndex(raw).manifests.map(async (child) =>
          this.#visit(child, (await this.#registry.document(this.#named(child.digest))).raw),
        ),
      );
      return;
    }
    if (!isImage(descriptor.mediaType)) return;
    const found = { descriptor, raw };
    const subject = REFERENCES.map((key) => descriptor.annotations?.[key]).find((value) => value !== undefined);
    if (subject !== undefined) {
      this.#attestations.set(subject, [...(this.#attestations.get(subject) ?? []), found]);
      return;
    }
    this.#images.set(normal(descriptor.platform ?? (await this.#platformOf(raw))), found);
  }

  async #platformOf(raw: Buffer): Promise<Platform> {
    const { os, architecture, variant } = parseJson(await this.#blob(parseImage(raw).config));
    return {
      os: String(os),
      architecture: String(architecture),
      ...(typeof variant === "string" && variant !== "" ? { variant } : {}),
    };
  }

  async #loaded(platform: string): Promise<LoadedImage> {
    const found = this.#images.get(platform);
    if (found === undefined) throw new Error(`image ${platform} not found`);
    const config = parseGoJson((await this.#blob(parseImage(found.raw).config)).toString("utf8"));
    const attestations = this.#attestations.get(found.descriptor.digest) ?? [];
    const statements = attestations.flatMap(({ raw }) =>
      parseImage(raw).layers.filter(({ mediaType }) => isStatement(mediaType)),
    );
    const typeOf = (layer: Descriptor): string => layer.annotations?.[PREDICATE] ?? "";
    const predicates = (layers: readonly Descriptor[]): Promise<readonly GoValue[]> =>
      Promise.all(layers.map((layer) => this.#predicate(layer)));
    const [sboms, provenances] = await Promise.all([
      predicates(statements.filter((layer) => typeOf(layer) === SPDX)),
      predicates(statements.filter((layer) => typeOf(layer).startsWith(PROVENANCE)).slice(0, 1)),
    ]);
    return { platform, config, provenance: provenances[0], sboms };
  }

  async #predicate(layer: Descriptor): Promise<GoValue> {
    let bytes = await this.#blob(layer);
    if (isEnvelope(layer.mediaType)) bytes = Buffer.from(String(parseJson(bytes)["payload"]), "base64");
    const statement = parseGoJson(bytes.toString("utf8"));
    return typeof statement === "object" && statement !== null ? Reflect.get(statement, "predicate") : undefined;
  }

  #blob(blob: Descriptor): Promise<Buffer> {
    return this.#registry.blob(formatReference(repositoryOf(this.#reference)), blob);
  }

  #named(digest: Descriptor["digest"]): string {
    return formatReference({ ...repositoryOf(this.#reference), digest });
  }
}
