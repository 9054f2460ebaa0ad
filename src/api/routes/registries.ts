import { EngineError, ErrorCode } from "#errors";
import { MAX_MANIFEST_BYTES, parseDescriptor } from "#oci";
import type { Descriptor } from "#oci";
import type { RegistryAccess, RegistryAsker } from "#engine";
import type { Exchange } from "../exchange.ts";
import { credentialsOf } from "../query.ts";
import type { Route } from "../router.ts";

function nameOf(exchange: Exchange, key = "name"): string {
  const name = exchange.query.get(key) ?? "";
  if (name === "") throw new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, `${key} is missing`);
  return name;
}

const askerOf = (exchange: Exchange, header?: "x-registry-source-auth"): RegistryAsker => ({
  ...credentialsOf(exchange, header),
  insecure: exchange.flag("insecure"),
  signal: exchange.signal,
});

/** `digest`, `size` and `mediaType` of the query. */
function blobOf(exchange: Exchange): Descriptor {
  const { query } = exchange;
  const mediaType = query.get("mediaType") ?? "application/octet-stream";
  return parseDescriptor({ mediaType, digest: query.get("digest"), size: Number(query.get("size") ?? "") }, "query");
}

async function bodyOf(exchange: Exchange): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of exchange.body()) {
    size += chunk.byteLength;
    if (size > MAX_MANIFEST_BYTES)
      throw new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, "http: request body too large");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/**
 * Our own routes to registries, for `manifest` and `imagetools` of our command: it holds what it puts together, the daemon
 * knows how registries are reached. `X-Registry-Auth` is for the named repository, `X-Registry-Source-Auth` for `from`.
 */
export function registryRoutes(registry: RegistryAccess): readonly Route[] {
  return [
    [
      "GET",
      "/varve/v1/registry/manifest",
      async (exchange) => {
        const { mediaType, digest, raw } = await registry.document(nameOf(exchange), askerOf(exchange));
        exchange.json(200, { mediaType, digest, raw: Buffer.from(raw).toString("base64") });
      },
    ],
    [
      "PUT",
      "/varve/v1/registry/manifest",
      async (exchange) => {
        const mediaType = exchange.request.headers["content-type"] ?? "";
        const document = { raw: await bodyOf(exchange), mediaType };
        exchange.json(201, { digest: await registry.putDocument(nameOf(exchange), document, askerOf(exchange)) });
      },
    ],
    [
      "GET",
      "/varve/v1/registry/blob",
      async (exchange) => {
        const bytes = await registry.blob(nameOf(exchange), blobOf(exchange), askerOf(exchange));
        exchange.json(200, { raw: Buffer.from(bytes).toString("base64") });
      },
    ],
    [
      "POST",
      "/varve/v1/registry/copy",
      async (exchange) => {
        const result = await registry.copyBlob({
          from: nameOf(exchange, "from"),
          to: nameOf(exchange, "to"),
          blob: blobOf(exchange),
          fromAsker: askerOf(exchange, "x-registry-source-auth"),
          toAsker: askerOf(exchange),
        });
        exchange.json(200, { result });
      },
    ],
  ];
}
