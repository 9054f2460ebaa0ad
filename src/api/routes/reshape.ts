import type { ImageReshaping, ReshapedImage, ReshapeOptions } from "#images";
import { EngineError, ErrorCode } from "#errors";
import { familiarReference, parseReference, withDefaultTag } from "#oci";
import type { Exchange } from "../exchange.ts";
import { answerWithProgress } from "../progressStream.ts";
import { platformOf } from "../query.ts";
import type { Route } from "../router.ts";

function tagOf(exchange: Exchange): Pick<ReshapeOptions, "tag"> {
  const text = exchange.query.get("tag") ?? "";
  if (text === "") return {};
  const tag = withDefaultTag(parseReference(text));
  if (tag.digest === undefined) return { tag };
  throw new EngineError(
    "invalid_argument",
    ErrorCode.INVALID_REFERENCE,
    "refusing to create a tag with a digest reference",
  );
}

/** Progress lines as a pull's; the last one's `aux` says what came out. */
async function answer(exchange: Exchange, work: (options: ReshapeOptions) => Promise<ReshapedImage>): Promise<void> {
  const options = { ...tagOf(exchange), ...platformOf(exchange), signal: exchange.signal };
  await answerWithProgress(exchange, async (progress) => {
    const { imageId, was, reference, layersBefore, layersAfter } = await work({ ...options, progress });
    const aux = {
      ID: imageId,
      Was: was,
      Reference: reference === undefined ? "" : familiarReference(reference),
      LayersBefore: layersBefore,
      LayersAfter: layersAfter,
    };
    progress({ aux });
  });
}

async function rebase(images: ImageReshaping, exchange: Exchange): Promise<void> {
  const [onto, from] = ["onto", "from"].map((name) => exchange.query.get(name) ?? "");
  if (onto === undefined || onto === "")
    throw new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, 'the query needs "onto"');
  const force = exchange.flag("force");
  const base = from === undefined || from === "" ? {} : { from };
  await answer(exchange, (options) => images.rebase(exchange.param("name"), { ...options, ...base, onto, force }));
}

async function squash(images: ImageReshaping, exchange: Exchange): Promise<void> {
  const fromStep = exchange.integer("from");
  const from = fromStep === undefined ? {} : { fromStep };
  await answer(exchange, (options) => images.squash(exchange.param("name"), { ...options, ...from }));
}

/** New images out of old ones: varve's own calls, told in `docs/openapi.yaml`. */
export function reshapeRoutes(images: ImageReshaping): readonly Route[] {
  return [
    ["POST", "/varve/v1/images/:name/squash", (exchange) => squash(images, exchange)],
    [
      "POST",
      "/varve/v1/images/:name/flatten",
      (exchange) => answer(exchange, (options) => images.flatten(exchange.param("name"), options)),
    ],
    ["POST", "/varve/v1/images/:name/rebase", (exchange) => rebase(images, exchange)],
  ];
}
