import { DIFF_PARTS } from "#analysis";
import { LAYER_INDEX_TYPE } from "#engineapi";
import { EngineError, ErrorCode } from "#errors";
import type { LookBackend, PlaceOptions } from "#engine";
import type { Exchange } from "../exchange.ts";
import { pathBytesOf, platformOf } from "../query.ts";
import type { Route } from "../router.ts";
import { sendBytes } from "../streamBody.ts";

const JSON_TYPE = "application/json";
const LINES = "application/x-ndjson";
const BYTES = "application/octet-stream";

function requiredPath(exchange: Exchange): string {
  const path = pathBytesOf(exchange, "path");
  if (path !== undefined) return path;
  throw new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, 'the query needs "path"');
}

async function entries(look: LookBackend, exchange: Exchange): Promise<void> {
  const layer = exchange.integer("layer");
  const bytes = await look.entries(exchange.param("name"), {
    ...platformOf(exchange),
    ...(layer === undefined ? {} : { layer }),
    signal: exchange.signal,
  });
  await sendBytes(exchange, LAYER_INDEX_TYPE, bytes);
}

async function layerFile(look: LookBackend, exchange: Exchange): Promise<void> {
  const { size, body } = await look.layerFile(exchange.param("name"), {
    ...platformOf(exchange),
    layer: Number(exchange.param("layer")),
    path: requiredPath(exchange),
    signal: exchange.signal,
  });
  exchange.setHeader("Content-Length", String(size));
  await sendBytes(exchange, BYTES, body);
}

/** Which image, step and path a request means; the root without a path. */
function placeOf(exchange: Exchange): PlaceOptions {
  const step = exchange.integer("step");
  return {
    ...platformOf(exchange),
    ...(step === undefined ? {} : { step }),
    path: pathBytesOf(exchange, "path") ?? "",
    signal: exchange.signal,
  };
}

async function files(look: LookBackend, exchange: Exchange): Promise<void> {
  const recursive = exchange.flag("recursive");
  await sendBytes(exchange, LINES, await look.files(exchange.param("name"), { ...placeOf(exchange), recursive }));
}

async function file(look: LookBackend, exchange: Exchange): Promise<void> {
  requiredPath(exchange);
  const { size, body } = await look.file(exchange.param("name"), placeOf(exchange));
  exchange.setHeader("Content-Length", String(size));
  await sendBytes(exchange, BYTES, body);
}

/** The first of a query's values that were given; for the search. */
function given<K extends string>(exchange: Exchange, names: readonly K[]): Readonly<Partial<Record<K, string>>> {
  const values = names.map((name) => [name, exchange.query.get(name)] as const).filter(([, value]) => value);
  return Object.fromEntries(values) as Partial<Record<K, string>>;
}

async function search(look: LookBackend, exchange: Exchange): Promise<void> {
  const { query } = exchange;
  const flags = ["ignoreCase", "setuid", "setgid", "worldWritable"] as const;
  const found = await look.search(
    {
      globs: query.getAll("glob"),
      ...given(exchange, ["regex", "larger", "smaller", "owner", "type", "sha256"]),
      ...Object.fromEntries(flags.map((name) => [name, exchange.flag(name)])),
    },
    query.getAll("image"),
    { ...platformOf(exchange), signal: exchange.signal },
  );
  await sendBytes(exchange, LINES, found);
}

async function why(look: LookBackend, exchange: Exchange): Promise<void> {
  requiredPath(exchange);
  await sendBytes(exchange, JSON_TYPE, await look.why(exchange.param("name"), placeOf(exchange)));
}

const CONTENT = ["never", "unsure", "always"] as const;

/** One of a list of words. @throws {invalid_argument} naming the parameter */
function oneOf<T extends string>(name: string, value: string, words: readonly T[]): T {
  const found = words.find((word) => word === value);
  if (found !== undefined) return found;
  const message = `invalid ${name} ${JSON.stringify(value)}: one of ${words.join(", ")}`;
  throw new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, message);
}

async function diff(look: LookBackend, exchange: Exchange): Promise<void> {
  const { query, signal } = exchange;
  const other = query.get("other") ?? "";
  if (other === "") throw new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, 'the query needs "other"');
  const asked = query.getAll("part").map((part) => oneOf("part", part, DIFF_PARTS));
  const content = oneOf("content", query.get("content") ?? "unsure", CONTENT);
  const steps = { before: exchange.integer("step"), after: exchange.integer("otherStep") };
  const stepOf = (step: number | undefined): { readonly step?: number } => (step === undefined ? {} : { step });
  const reply = await look.diff(
    { name: exchange.param("name"), ...platformOf(exchange), ...stepOf(steps.before) },
    { name: other, ...platformOf(exchange, "otherPlatform"), ...stepOf(steps.after) },
    { parts: asked.length === 0 ? DIFF_PARTS : asked, content, signal },
  );
  await sendBytes(exchange, JSON_TYPE, reply);
}

async function overlay(look: LookBackend, exchange: Exchange): Promise<void> {
  const options = { ...platformOf(exchange), signal: exchange.signal };
  exchange.json(200, await look.overlay(exchange.param("id"), options));
}

/** Looking into images: varve's own calls, told at `looking.ts` of `#engineapi` and in `docs/openapi.yaml`. */
export function lookRoutes(look: LookBackend): readonly Route[] {
  return [
    [
      "GET",
      "/varve/v1/images/:name/layers",
      async (exchange) => exchange.json(200, await look.layers(exchange.param("name"), platformOf(exchange))),
    ],
    // Before `:name/file`, which fits it too.
    ["GET", "/varve/v1/images/:name/layers/:layer/file", (exchange) => layerFile(look, exchange)],
    ["GET", "/varve/v1/images/:name/files", (exchange) => files(look, exchange)],
    ["GET", "/varve/v1/images/:name/file", (exchange) => file(look, exchange)],
    [
      "GET",
      "/varve/v1/images/:name/archive",
      async (exchange) =>
        sendBytes(exchange, "application/x-tar", await look.archive(exchange.param("name"), placeOf(exchange))),
    ],
    ["GET", "/varve/v1/images/:name/why", (exchange) => why(look, exchange)],
    ["GET", "/varve/v1/images/:name/diff", (exchange) => diff(look, exchange)],
    [
      "GET",
      "/varve/v1/images/:name/efficiency",
      async (exchange) =>
        sendBytes(exchange, JSON_TYPE, await look.efficiency(exchange.param("name"), placeOf(exchange))),
    ],
    ["GET", "/varve/v1/search", (exchange) => search(look, exchange)],
    ["GET", "/varve/v1/tree", async (exchange) => exchange.json(200, await look.tree())],
    ["GET", "/varve/v1/overlay/:id", (exchange) => overlay(look, exchange)],
    ["GET", "/varve/v1/images/:name/entries", (exchange) => entries(look, exchange)],
  ];
}
