import { EngineError, ErrorCode } from "#errors";
import type { ImageInspect, ImageSummary } from "#engineapi";
import type { ImageBackend } from "../backends.ts";
import type { Exchange } from "../exchange.ts";
import { newNameOf, parseFilters, platformOf, platformsOf } from "../query.ts";
import type { Route } from "../router.ts";
import type { ApiVersion } from "../version.ts";

const V1_43 = 1043;
const V1_44 = 1044;
const V1_45 = 1045;
const V1_47 = 1047;
const V1_48 = 1048;
const V1_49 = 1049;
const V1_50 = 1050;

function shapeSummary(summary: ImageSummary, version: ApiVersion): ImageSummary {
  const { Manifests, Descriptor, ...rest } = summary;
  const nameless = summary.RepoTags === null && summary.RepoDigests === null;
  return {
    ...rest,
    ...(version < V1_43
      ? {
          RepoTags: nameless ? ["<none>:<none>"] : summary.RepoTags,
          RepoDigests: nameless ? ["<none>@<none>"] : summary.RepoDigests,
        }
      : { RepoTags: summary.RepoTags ?? [], RepoDigests: summary.RepoDigests ?? [] }),
    ...(version < V1_44 ? { VirtualSize: summary.Size } : {}),
    ...(version >= V1_47 && Manifests !== undefined ? { Manifests } : {}),
    ...(version >= V1_48 && Descriptor !== undefined ? { Descriptor } : {}),
  };
}

function shapeInspect(image: ImageInspect, version: ApiVersion): Readonly<Record<string, unknown>> {
  const { Manifests, Descriptor, ...rest } = image;
  return {
    ...rest,
    ...(version < V1_44 ? { VirtualSize: image.Size } : {}),
    ...(version < V1_45 ? { Container: "", ContainerConfig: null } : {}),
    ...(version >= V1_48 && Manifests !== undefined ? { Manifests } : {}),
    ...(version >= V1_48 && Descriptor !== undefined ? { Descriptor } : {}),
  };
}

async function list(images: ImageBackend, exchange: Exchange): Promise<void> {
  const filters = parseFilters(exchange.query.get("filters"));
  const old = exchange.query.get("filter");
  const rows = await images.list({
    all: exchange.flag("all"),
    filters:
      old === null || old === "" || exchange.version >= 1041 ? filters : new Map([...filters, ["reference", [old]]]),
    sharedSize: exchange.flag("shared-size"),
    manifests: exchange.flag("manifests"),
  });
  exchange.json(
    200,
    rows.map((row) => shapeSummary(row, exchange.version)),
  );
}

function inspect(images: ImageBackend, exchange: Exchange): Promise<ImageInspect> {
  const manifests = exchange.version >= V1_48 && exchange.flag("manifests");
  const wish = exchange.version < V1_49 ? {} : platformOf(exchange);
  if (manifests && wish.platform !== undefined) {
    const message = "conflicting options: manifests and platform options cannot both be set";
    throw new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, message);
  }
  return images.inspect(exchange.param("name"), { manifests, ...wish });
}

async function tag(images: ImageBackend, exchange: Exchange): Promise<void> {
  const reference = newNameOf(exchange);
  if (reference === undefined)
    throw new EngineError("invalid_argument", ErrorCode.INVALID_REFERENCE, "invalid reference format");
  await images.tag(exchange.param("name"), reference);
  exchange.empty(201);
}

/** Looking at images and changing their names. */
export function imageRoutes(images: ImageBackend): readonly Route[] {
  return [
    ["GET", "/images/json", (exchange) => list(images, exchange)],
    [
      "GET",
      "/images/:name/json",
      async (exchange) => exchange.json(200, shapeInspect(await inspect(images, exchange), exchange.version)),
    ],
    [
      "GET",
      "/images/:name/history",
      async (exchange) => {
        const { platform } = exchange.version < V1_48 ? {} : platformOf(exchange);
        exchange.json(200, await images.history(exchange.param("name"), platform));
      },
    ],
    ["POST", "/images/:name/tag", (exchange) => tag(images, exchange)],
    [
      "POST",
      "/images/prune",
      async (exchange) => exchange.json(200, await images.prune(parseFilters(exchange.query.get("filters")))),
    ],
    [
      "DELETE",
      "/images/:name",
      async (exchange) =>
        exchange.json(
          200,
          await images.remove(exchange.param("name"), {
            force: exchange.flag("force"),
            noPrune: exchange.flag("noprune"),
            platforms: exchange.version < V1_50 ? [] : platformsOf(exchange),
          }),
        ),
    ],
  ];
}
