import { EngineError, ErrorCode } from "#errors";
import { parseReference, withDefaultTag } from "#oci";
import type { Reference } from "#oci";

/** Where an image is, told apart from all daemons; the words are those of containers/image (containers-transports(5)). */
export type ImageSource =
  | {
      readonly transport: "docker-archive" | "oci-archive" | "oci-layout";
      /** A file; a directory for `oci-layout`. */
      readonly path: string;
      /** Which image of several: a name as the archive has it, or a digest. */
      readonly image: string | undefined;
    }
  | { readonly transport: "registry"; readonly reference: Reference };

const PREFIX = /^(docker-archive|oci-archive|oci-layout|registry|docker):(.*)$/s;
/** `registry:2` and `docker:28-cli` are images of Docker Hub that people have; no repository there is called `2`. */
const LOOKS_LIKE_TAG = /^(?:latest|\d[\w.-]*)(?:@.*)?$/;
const PATH_AND_IMAGE = /^([^:@]*(?:@(?!sha(?:256|512):)[^:@]*)*)(?:[:@](.*))?$/s;

/**
 * `docker-archive:FILE[:NAME:TAG]`, `oci-archive:FILE[:NAME]`, `oci-layout:DIR[:NAME]` (or `@sha256:…`), `registry:REF` (also
 * `docker://REF`); undefined for anything else, which is a reference in a daemon's store. A path ends at its first colon, as
 * with skopeo. `registry:2`, `registry:latest` and `docker:28` are references too.
 * @throws {invalid_argument} when a source names no file or no valid reference
 */
export function parseImageSource(text: string): ImageSource | undefined {
  const [, transport, rest = ""] = PREFIX.exec(text) ?? [];
  switch (transport) {
    case "docker":
      return rest.startsWith("//") ? registrySource(rest.slice(2)) : undefined;
    case "registry":
      return LOOKS_LIKE_TAG.test(rest) ? undefined : registrySource(rest.replace(/^\/\//, ""));
    case "docker-archive":
    case "oci-archive":
    case "oci-layout":
      return fileSource(transport, rest.replace(/^\/\/(?!\/)/, ""), text);
    case undefined:
    default:
      return undefined;
  }
}

function registrySource(text: string): ImageSource {
  return { transport: "registry", reference: withDefaultTag(parseReference(text)) };
}

function fileSource(
  transport: "docker-archive" | "oci-archive" | "oci-layout",
  rest: string,
  text: string,
): ImageSource {
  const [, path = "", image] = PATH_AND_IMAGE.exec(rest) ?? [];
  if (path === "" || path.includes("\0")) {
    throw new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, `${JSON.stringify(text)} names no file`);
  }
  return { transport, path, image: image === "" ? undefined : image };
}

/** As people type it: the inverse of {@link parseImageSource}. */
export function formatImageSource(source: ImageSource): string {
  if (source.transport === "registry") {
    const { domain, path, tag, digest } = source.reference;
    const end = `${tag === undefined ? "" : `:${tag}`}${digest === undefined ? "" : `@${digest}`}`;
    return `registry:${domain}/${path}${end}`;
  }
  return `${source.transport}:${source.path}${source.image === undefined ? "" : `:${source.image}`}`;
}
