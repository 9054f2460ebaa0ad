import { EngineError, ErrorCode } from "#errors";
import { hexOf, MediaType, parseDigest } from "#oci";
import type { Descriptor } from "#oci";
import type { ExportJob } from "./exporter.ts";
import { invalidAttribute } from "./attributes.ts";
import { document, writeManifest } from "./documents.ts";
import type { Document } from "./documents.ts";
import { goJson } from "./goJson.ts";
import type { ImageOptions } from "./imageOptions.ts";
import { PROVENANCE_TYPE, provenanceOf } from "./provenance.ts";
import type { ProvenanceWish } from "./provenance.ts";
import { imagePurl } from "./purl.ts";
import type { WrittenImage } from "./writeImages.ts";

const STATEMENT_TYPE = "https://in-toto.io/Statement/v0.1";
const PAYLOAD_TYPE = "application/vnd.in-toto+json";

/** What a client wants to be attested; undefined: nothing. @throws {invalid_argument} in BuildKit's words */
export function readAttestations({ request }: Pick<ExportJob, "request">): ProvenanceWish | undefined {
  const { attestations } = request.options;
  for (const kind of attestations.keys()) {
    if (kind === "sbom")
      throw new EngineError("not_implemented", ErrorCode.NOT_IMPLEMENTED, "sbom attestations are not made here");
    if (kind !== "provenance") throw invalidAttribute(`unknown attestation type ${JSON.stringify(kind)}`);
  }
  const text = attestations.get("provenance");
  if (text === undefined) return undefined;
  const fields = new Map(
    text.split(",").map((field) => {
      const [key = "", ...value] = field.split("=");
      return [key, value.join("=")];
    }),
  );
  const mode = fields.get("mode") ?? "max";
  if (!["min", "max", "full"].includes(mode)) throw invalidAttribute(`invalid mode ${JSON.stringify(mode)}`);
  return {
    isMax: mode !== "min",
    isReproducible: fields.get("reproducible") === "true",
    builderId: fields.get("builder-id") ?? "",
    isInlineOnly: fields.get("inline-only") === "true",
  };
}

/** The manifest that stands beside an image in the index, and all that it names. */
export interface Attestation {
  readonly manifest: Document;
  /** For the index. */
  readonly entry: Descriptor;
  readonly parts: readonly Document[];
}

export function attest(
  job: ExportJob,
  image: WrittenImage,
  { wish, options }: { readonly wish: ProvenanceWish; readonly options: ImageOptions },
): Attestation {
  const { target, manifest, layers } = image;
  const about = manifest.descriptor.digest;
  const statement = document(
    PAYLOAD_TYPE,
    Buffer.from(
      goJson({
        _type: STATEMENT_TYPE,
        predicateType: PROVENANCE_TYPE,
        subject: options.names.map((name) => ({
          name: imagePurl(name, target.platform),
          digest: { sha256: hexOf(about) },
        })),
        predicate: provenanceOf(job, target, { wish, layers }),
      }),
    ),
  );
  const { digest } = statement.descriptor;
  const unknown = { architecture: "unknown", os: "unknown" };
  const rootfs = { type: "layers", diff_ids: [digest] };
  const config = document(MediaType.OCI_CONFIG, Buffer.from(goJson({ ...unknown, config: {}, rootfs })));
  const layer = { ...statement.descriptor, annotations: { "in-toto.io/predicate-type": PROVENANCE_TYPE } };
  const made = writeManifest({ config: config.descriptor, layers: [layer], annotations: {} }, true);
  const annotations = {
    "vnd.docker.reference.digest": parseDigest(about),
    "vnd.docker.reference.type": "attestation-manifest",
  };
  return { manifest: made, parts: [statement, config], entry: { ...made.descriptor, annotations, platform: unknown } };
}
