import { formatPlatform, formatReference } from "#oci";
import type { Descriptor, Reference } from "#oci";
import { DESCRIBED_INDEX, OCI_DESCRIPTOR, OCI_IMAGE } from "../format/ociImageShape.ts";
import { indentJson } from "../format/inspectOutput.ts";
import { shaped } from "../format/shape.ts";
import { alignColumns } from "../format/tabwriter.ts";
import { goJson } from "../template/goJson.ts";
import { parseTemplate } from "../template/template.ts";
import { GoStruct, isMap, parseGoJson } from "../template/value.ts";
import type { GoField, GoValue } from "../template/value.ts";
import type { RemoteDocument } from "../registry/registryCalls.ts";
import { annotationsJson, isIndex, parseIndex } from "./descriptors.ts";
import type { LoadedImage } from "./loadImage.ts";

const COLUMNS = { minWidth: 0, padding: 1 };
const INDENT = "  ";

const aligned = (lines: readonly string[]): string =>
  alignColumns(lines, COLUMNS)
    .map((line) => `${line}\n`)
    .join("");

function annotationLines({ annotations }: Descriptor): readonly string[] {
  const sorted = Object.entries(annotationsJson(annotations).annotations ?? {});
  return sorted.map(([key, value]) => `${INDENT}${INDENT}${key}:\t${value}`);
}

function entryLines(reference: Reference, entry: Descriptor): readonly string[] {
  const { platform, urls = [], digest, mediaType } = entry;
  const lines = [`Name:\t${formatReference({ ...reference, digest })}`, `MediaType:\t${mediaType}`];
  if (platform !== undefined) {
    const features = platform["os.features"] ?? [];
    lines.push(`Platform:\t${formatPlatform(platform)}`);
    if (platform["os.version"]) lines.push(`OSVersion:\t${platform["os.version"]}`);
    if (features.length > 0) lines.push(`OSFeatures:\t${features.join(", ")}`);
    if (urls.length > 0) lines.push(`URLs:\t${urls.join(", ")}`);
    if (annotationLines(entry).length > 0) lines.push("Annotations:\t");
  }
  return lines.map((line) => INDENT + line);
}

/** Columns begin anew behind annotations, which have columns of their own. */
function listText(reference: Reference, entries: readonly Descriptor[]): string {
  let text = aligned(["\t", "Manifests:\t"]);
  let pending: string[] = [];
  entries.forEach((entry, at) => {
    if (at > 0) pending.push("\t");
    pending.push(...entryLines(reference, entry));
    const annotations = entry.platform === undefined ? [] : annotationLines(entry);
    if (annotations.length === 0) return;
    text += aligned(pending) + aligned(annotations);
    pending = [];
  });
  return text + (pending.length === 0 ? "" : aligned(pending));
}

/** What `imagetools inspect` shows without a format. */
export function imageText(reference: Reference, document: RemoteDocument): string {
  const { mediaType, digest, raw } = document;
  const head = aligned([`Name:\t${formatReference(reference)}`, `MediaType:\t${mediaType}`, `Digest:\t${digest}`]);
  return isIndex(mediaType) ? head + listText(reference, parseIndex(raw).manifests) : head;
}

const method = (name: string, get: () => GoValue): GoField => ({
  name,
  get,
  omitEmpty: true,
  inJson: () => undefined,
});
const property = (name: string, json: string, get: () => GoValue): GoField => ({ name, json, get, omitEmpty: true });

function manifestValue({ mediaType, digest, raw }: RemoteDocument): GoValue {
  const size = raw.byteLength;
  if (!isIndex(mediaType)) return shaped({ mediaType, digest, size }, OCI_DESCRIPTOR);
  const value = parseGoJson(raw.toString("utf8"));
  const own = isMap(value) ? value : {};
  return shaped({ ...own, digest, size }, DESCRIBED_INDEX);
}

function stub(name: string, fields: Readonly<Record<string, GoValue>>): GoStruct {
  return new GoStruct(
    `imagetools.${name}`,
    Object.entries(fields).map(([field, value]) => property(field, field, () => value)),
  );
}

const provenanceOf = (image: LoadedImage): GoStruct => stub("provenanceStub", { SLSA: image.provenance });

function sbomOf({ sboms: [first, ...others] }: LoadedImage): GoStruct {
  return stub("sbomStub", { SPDX: first, AdditionalSPDXs: others });
}

/** What a template sees: of several platforms a map, of one itself. */
function inputs(name: string, document: RemoteDocument, images: readonly LoadedImage[]): GoStruct {
  const byPlatform = (list: readonly LoadedImage[], value: (image: LoadedImage) => GoValue): GoValue =>
    Object.fromEntries(list.map((image) => [image.platform, value(image)]));
  const config = (image: LoadedImage): GoValue => shaped(image.config, OCI_IMAGE);
  const attested = images.filter(({ provenance }) => provenance !== undefined);
  const listed = images.filter(({ sboms }) => sboms.length > 0);
  const [only] = images;
  const isOne = images.length <= 1;
  const one = (value: (image: LoadedImage) => GoValue): GoValue => (only === undefined ? null : value(only));
  const empty = (name: string): GoStruct => stub(name, {});
  return new GoStruct(isOne ? "imagetools.tplInput" : "imagetools.tplInputs", [
    property("Name", "name", () => name),
    property("Manifest", "manifest", () => manifestValue(document)),
    property("Image", "image", () => (isOne ? one(config) : byPlatform(images, config))),
    method("SBOM", () => (isOne ? (one(sbomOf) ?? empty("sbomStub")) : byPlatform(listed, sbomOf))),
    method("Provenance", () =>
      isOne ? (one(provenanceOf) ?? empty("provenanceStub")) : byPlatform(attested, provenanceOf),
    ),
  ]);
}

/** True for a format that buildx takes as a wish for its own text: whatever begins with `.Manifest`. */
export const wantsText = (format: string): boolean => format === "" || /^\{\{-?\s*\.Manifest/.test(format);

/** @throws {invalid_argument} as templates do. */
export function imageTemplate(
  format: string,
): (name: string, document: RemoteDocument, images: readonly LoadedImage[]) => string {
  const json = (value: GoValue): string => indentJson(goJson(value, true), INDENT);
  const template = parseTemplate(format, "", { json: { parameters: ["any"], call: json } });
  return (name, document, images) => template.execute(inputs(name, document, images));
}
