import { formatPlatform, parsePlatform } from "#oci";
import type { Platform } from "#oci";
import { invalidAttribute } from "./attributes.ts";

type Annotations = Readonly<Record<string, string>>;

const KINDS = ["index", "index-descriptor", "manifest", "manifest-descriptor"] as const;
type Kind = (typeof KINDS)[number];

interface OneAnnotation {
  readonly kind: Kind;
  /** "" for all */
  readonly platform: string;
  readonly key: string;
  readonly value: string;
}

/** What `annotation…` attributes put on the index, the manifests, and the descriptors of both. */
export interface AnnotationSet {
  readonly index: Annotations;
  readonly indexDescriptor: Annotations;
  manifest(platform: Platform | undefined): Annotations;
  manifestDescriptor(platform: Platform | undefined): Annotations;
  /** Platforms that are named. */
  readonly platforms: readonly string[];
  /** There is something that only OCI documents can hold. */
  readonly needsOci: boolean;
  readonly isEmpty: boolean;
}

const KEY = /^annotation(?:-([a-z-]+))?(?:\[([A-Za-z0-9_/-]+)\])?\.(\S+)$/;

/** @throws {invalid_argument} in BuildKit's words */
export function parseAnnotations(attributes: Readonly<Record<string, string>>): AnnotationSet {
  const all = Object.entries(attributes).flatMap(([name, value]): OneAnnotation[] => {
    const [, kind = "manifest", platform = "", key] = KEY.exec(name) ?? [];
    if (key === undefined) return [];
    if (!isKind(kind)) throw invalidAttribute(`unrecognized annotation type ${kind}`);
    return [{ kind, platform: platform === "" ? "" : formatPlatform(parsePlatform(platform)), key, value }];
  });
  const pick = (kind: Kind, platforms?: readonly string[]): Annotations =>
    Object.fromEntries(
      all
        .filter((one) => one.kind === kind && (platforms === undefined || platforms.includes(one.platform)))
        .sort((a, b) => a.platform.length - b.platform.length)
        .map(({ key, value }) => [key, value]),
    );
  const of = (platform: Platform | undefined): readonly string[] =>
    platform === undefined ? [""] : ["", formatPlatform(platform)];
  return {
    index: pick("index"),
    indexDescriptor: pick("index-descriptor"),
    manifest: (platform) => pick("manifest", of(platform)),
    manifestDescriptor: (platform) => pick("manifest-descriptor", of(platform)),
    platforms: all.map(({ platform }) => platform).filter((platform) => platform !== ""),
    needsOci: all.some(({ kind }) => kind !== "manifest"),
    isEmpty: all.length === 0,
  };
}

function isKind(text: string): text is Kind {
  return KINDS.some((kind) => kind === text);
}
