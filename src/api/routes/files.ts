import type { CommitRequest, PathStat } from "#containers";
import { EngineError, ErrorCode } from "#errors";
import { parseReference, withTag } from "#oci";
import type { Reference } from "#oci";
import type { FileBackend } from "../backends.ts";
import type { Exchange } from "../exchange.ts";
import type { Route } from "../router.ts";
import { sendBytes } from "../streamBody.ts";

const STAT_HEADER = "X-Docker-Container-Path-Stat";

/** @throws {invalid_argument} in dockerd's words, its missing space included */
function pathOf(exchange: Exchange): string {
  const path = exchange.query.get("path") ?? "";
  if (path !== "") return path;
  throw new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, "bad parameter: pathcannot be empty");
}

function tellStat(exchange: Exchange, stat: PathStat): void {
  exchange.setHeader(STAT_HEADER, Buffer.from(JSON.stringify(stat)).toString("base64"));
}

async function stat(files: FileBackend, exchange: Exchange): Promise<void> {
  tellStat(exchange, await files.stat(exchange.param("id"), pathOf(exchange)));
  exchange.empty(200);
}

async function archive(files: FileBackend, exchange: Exchange): Promise<void> {
  const { signal } = exchange;
  const found = await files.archive(exchange.param("id"), pathOf(exchange), { signal });
  tellStat(exchange, found.stat);
  await sendBytes(exchange, "application/x-tar", found.body);
}

async function extract(files: FileBackend, exchange: Exchange): Promise<void> {
  await files.extract(exchange.param("id"), pathOf(exchange), exchange.body(), {
    noOverwriteDirNonDir: exchange.flag("noOverwriteDirNonDir"),
    copyUidGid: exchange.flag("copyUIDGID"),
    signal: exchange.signal,
  });
  exchange.empty(200);
}

async function changes(files: FileBackend, exchange: Exchange): Promise<void> {
  const found = await files.changes(exchange.param("id"));
  exchange.json(200, found.length === 0 ? null : found);
}

function newName(exchange: Exchange): Reference | undefined {
  const repository = exchange.query.get("repo") ?? "";
  if (repository === "") return undefined;
  const reference = parseReference(repository);
  if (reference.digest !== undefined)
    throw new EngineError("invalid_argument", ErrorCode.INVALID_REFERENCE, "cannot import digest reference");
  const tag = exchange.query.get("tag") ?? "";
  return withTag(reference, tag === "" ? (reference.tag ?? "latest") : tag);
}

/** A body that names no field is none: the container's own config is taken. */
async function ownConfig(exchange: Exchange): Promise<Pick<CommitRequest, "config">> {
  const value = await exchange.readOptionalJson();
  if (typeof value !== "object" || value === null || Object.keys(value).length === 0) return {};
  return { config: { ...value } };
}

async function commit(files: FileBackend, exchange: Exchange): Promise<void> {
  const reference = newName(exchange);
  const id = await files.commit(exchange.query.get("container") ?? "", {
    ...(await ownConfig(exchange)),
    ...(reference === undefined ? {} : { reference }),
    comment: exchange.query.get("comment") ?? "",
    author: exchange.query.get("author") ?? "",
    pause: exchange.flag("pause", true),
    changes: exchange.query.getAll("changes"),
    signal: exchange.signal,
  });
  exchange.json(201, { Id: id });
}

async function exportRoot(files: FileBackend, exchange: Exchange): Promise<void> {
  const tar = await files.export(exchange.param("id"), { signal: exchange.signal });
  await sendBytes(exchange, "application/octet-stream", tar);
}

/** Files of containers: `docker cp`, `diff`, `export`, `commit`. */
export function fileRoutes(files: FileBackend): readonly Route[] {
  return [
    ["HEAD", "/containers/:id/archive", (exchange) => stat(files, exchange)],
    ["GET", "/containers/:id/archive", (exchange) => archive(files, exchange)],
    ["PUT", "/containers/:id/archive", (exchange) => extract(files, exchange)],
    ["GET", "/containers/:id/changes", (exchange) => changes(files, exchange)],
    ["GET", "/containers/:id/export", (exchange) => exportRoot(files, exchange)],
    ["POST", "/commit", (exchange) => commit(files, exchange)],
  ];
}
