import { categoryOf, EngineError, ErrorCode, findEngineError, messageOf } from "#errors";
import { familiarName, isDigest, parseReference, withDigest, withTag } from "#oci";
import type { Reference } from "#oci";
import type { ImageBackend } from "../backends.ts";
import type { Exchange } from "../exchange.ts";
import { answerWithProgress } from "../progressStream.ts";
import { credentialsOf, newNameOf, platformOf } from "../query.ts";
import type { Route } from "../router.ts";
import { openSource } from "../urlSource.ts";

function pullReference(name: string, tagOrDigest: string): Reference {
  // Old clients send `name:` for all tags.
  const reference = parseReference(name.replace(/:$/, ""));
  if (tagOrDigest === "") return reference;
  return isDigest(tagOrDigest) ? withDigest(reference, tagOrDigest) : withTag(reference, tagOrDigest);
}

/** dockerd answers 500 where a registry wants an account: at 401 docker's command line asks for a password on the terminal. */
function asPullFailure(error: unknown): unknown {
  const category = categoryOf(error);
  if (category !== "unauthenticated" && category !== "unavailable") return error;
  return new EngineError("internal", findEngineError(error)?.code ?? ErrorCode.REGISTRY, messageOf(error), {
    cause: error,
  });
}

async function pull(images: ImageBackend, exchange: Exchange, from: string): Promise<void> {
  const tag = exchange.query.get("tag") ?? "";
  const reference = pullReference(from, tag);
  if (familiarName(reference) === "scratch")
    throw new EngineError("invalid_argument", ErrorCode.INVALID_REFERENCE, "'scratch' is a reserved name");
  const whole = reference.tag === undefined && reference.digest === undefined;
  await answerWithProgress(exchange, (progress) =>
    images
      .pull(reference, {
        progress,
        allTags: whole,
        signal: exchange.signal,
        ...credentialsOf(exchange),
        ...platformOf(exchange),
      })
      .catch((error: unknown) => {
        throw asPullFailure(error);
      }),
  );
}

async function importRootfs(images: ImageBackend, exchange: Exchange, source: string): Promise<void> {
  const reference = newNameOf(exchange);
  const message = exchange.query.get("message") ?? "";
  await answerWithProgress(exchange, async (progress) => {
    const rootfs = source === "-" ? exchange.body() : await openSource(source, progress, exchange.signal);
    await images.importRootfs(rootfs, {
      progress,
      source,
      changes: exchange.query.getAll("changes"),
      signal: exchange.signal,
      ...(reference === undefined ? {} : { reference }),
      ...(message === "" ? {} : { message }),
      ...platformOf(exchange),
    });
  });
}

async function create(images: ImageBackend, exchange: Exchange): Promise<void> {
  const from = exchange.query.get("fromImage");
  if (from !== null && from !== "") await pull(images, exchange, from);
  else await importRootfs(images, exchange, exchange.query.get("fromSrc") ?? "");
}

async function push(images: ImageBackend, exchange: Exchange): Promise<void> {
  const tag = exchange.query.get("tag") ?? "";
  const repository = parseReference(exchange.param("name"));
  const reference = tag === "" ? repository : withTag(repository, tag);
  await answerWithProgress(exchange, (progress) =>
    images.push(reference, {
      progress,
      allTags: reference.tag === undefined,
      signal: exchange.signal,
      ...credentialsOf(exchange),
      ...platformOf(exchange),
    }),
  );
}

async function save(images: ImageBackend, exchange: Exchange, names: readonly string[]): Promise<void> {
  const archive = await images.save(names, { signal: exchange.signal, ...platformOf(exchange) });
  const body = exchange.stream(200, "application/x-tar");
  try {
    for await (const chunk of archive) await body.write(chunk);
    body.end();
  } catch (error) {
    // Headers are gone: only a broken connection tells the client that the archive is not whole.
    body.cut();
    throw error;
  }
}

async function load(images: ImageBackend, exchange: Exchange): Promise<void> {
  await answerWithProgress(exchange, async (progress) => {
    await images.load(exchange.body(), {
      progress,
      quiet: exchange.flag("quiet", true),
      signal: exchange.signal,
      ...platformOf(exchange),
    });
  });
}

async function search(exchange: Exchange): Promise<void> {
  const term = encodeURIComponent(exchange.query.get("term") ?? "");
  const limit = exchange.integer("limit") ?? 25;
  try {
    const source = await openSource(
      `https://index.docker.io/v1/search?q=${term}&n=${limit}`,
      () => undefined,
      exchange.signal,
    );
    const chunks: Uint8Array[] = [];
    for await (const chunk of source) chunks.push(chunk);
    const answer = JSON.parse(Buffer.concat(chunks).toString("utf8")) as { results?: unknown };
    exchange.json(200, answer.results ?? []);
  } catch (error) {
    exchange.json(500, { message: messageOf(error) });
  }
}

/** Moving images in and out. */
export function transferRoutes(images: ImageBackend): readonly Route[] {
  return [
    ["POST", "/images/create", (exchange) => create(images, exchange)],
    ["POST", "/images/load", (exchange) => load(images, exchange)],
    ["GET", "/images/search", search],
    [
      "GET",
      "/images/get",
      (exchange) =>
        save(
          images,
          exchange,
          exchange.query.getAll("names").flatMap((names) => names.split(",")),
        ),
    ],
    ["GET", "/images/:name/get", (exchange) => save(images, exchange, [exchange.param("name")])],
    ["POST", "/images/:name/push", (exchange) => push(images, exchange)],
  ];
}
