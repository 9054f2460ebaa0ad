import { EngineError, ErrorCode, messageOf } from "#errors";
import type { LogOptions, WaitCondition } from "#containers";
import type { ContainerBackend } from "../backends.ts";
import type { Exchange } from "../exchange.ts";
import { parseFilters, parseTimestamp, platformOf } from "../query.ts";
import type { Route } from "../router.ts";
import { attach, attachWebSocket, streamType } from "./attach.ts";
import { forVersion, rowForVersion } from "./containerVersions.ts";
import { parseCreate } from "./createRequest.ts";

async function create(containers: ContainerBackend, exchange: Exchange): Promise<void> {
  const name = exchange.query.get("name") ?? "";
  const { platform } = platformOf(exchange);
  const request = parseCreate(await exchange.readJson(), exchange.version);
  exchange.json(201, await containers.create(request, name === "" ? undefined : name, platform));
}

function waitCondition(text: string | null): WaitCondition {
  if (text === null || text === "" || text === "not-running") return "not-running";
  if (text === "next-exit" || text === "removed") return text;
  throw new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, `invalid condition: "${text}"`);
}

/** Throws what the promise throws at once, and does not wait for more: a refusal must still become a status. */
async function refuseEarly(promise: Promise<unknown>): Promise<void> {
  await Promise.race([promise, new Promise((resolve) => setImmediate(resolve))]);
}

async function wait(containers: ContainerBackend, exchange: Exchange): Promise<void> {
  const condition = waitCondition(exchange.query.get("condition"));
  const result = containers.wait(exchange.param("id"), condition, exchange.signal);
  // Clients start the container only once they have the headers: not before the wait is registered, not after its end.
  await refuseEarly(result);
  const body = exchange.stream(200, "application/json");
  try {
    body.post(`${JSON.stringify(await result)}\n`);
  } catch (error) {
    body.post(`${JSON.stringify({ StatusCode: 255, Error: { Message: messageOf(error) } })}\n`);
  }
  body.end();
}

function logOptions(exchange: Exchange): LogOptions {
  const stdout = exchange.flag("stdout");
  const stderr = exchange.flag("stderr");
  if (!stdout && !stderr)
    throw new EngineError(
      "invalid_argument",
      ErrorCode.BAD_REQUEST,
      "Bad parameters: you must choose at least one stream",
    );
  const tail = exchange.query.get("tail") ?? "all";
  const since = parseTimestamp(exchange.query.get("since"));
  const until = parseTimestamp(exchange.query.get("until"));
  return {
    stdout,
    stderr,
    follow: exchange.flag("follow"),
    timestamps: exchange.flag("timestamps"),
    details: exchange.flag("details"),
    signal: exchange.signal,
    ...(/^\d+$/.test(tail) ? { tail: Number(tail) } : {}),
    ...(since === undefined ? {} : { since }),
    // 0 is how clients say "no end".
    ...(until === undefined || until === 0n ? {} : { until }),
  };
}

async function logs(containers: ContainerBackend, exchange: Exchange): Promise<void> {
  const id = exchange.param("id");
  const options = logOptions(exchange);
  const config = (await containers.inspect(id))["Config"];
  const tty = typeof config === "object" && config !== null && "Tty" in config && config.Tty === true;
  const chunks = containers.logs(id, options)[Symbol.asyncIterator]();
  const first = chunks.next();
  await refuseEarly(first);
  const body = exchange.stream(200, streamType(tty, exchange));
  for (let chunk = await first; chunk.done !== true; chunk = await chunks.next()) await body.write(chunk.value);
  body.end();
}

async function list(containers: ContainerBackend, exchange: Exchange): Promise<void> {
  const limit = exchange.integer("limit");
  const rows = await containers.list({
    all: exchange.flag("all"),
    size: exchange.flag("size"),
    filters: parseFilters(exchange.query.get("filters")),
    ...(limit === undefined || limit <= 0 ? {} : { limit }),
  });
  exchange.json(
    200,
    rows.map((row) => rowForVersion(row, exchange.version)),
  );
}

async function done(exchange: Exchange, work: Promise<void>): Promise<void> {
  await work;
  exchange.empty(204);
}

/** Containers: made, looked at, attached to, waited for, removed. */
export function containerRoutes(containers: ContainerBackend): readonly Route[] {
  const id = (exchange: Exchange): string => exchange.param("id");
  return [
    ["GET", "/containers/json", (exchange) => list(containers, exchange)],
    ["POST", "/containers/create", (exchange) => create(containers, exchange)],
    [
      "GET",
      "/containers/:id/json",
      async (exchange) => {
        const body = await containers.inspect(id(exchange), { size: exchange.flag("size") });
        exchange.json(200, forVersion(body, exchange.version));
      },
    ],
    ["GET", "/containers/:id/logs", (exchange) => logs(containers, exchange)],
    ["POST", "/containers/:id/attach", (exchange) => attach(containers, exchange)],
    ["GET", "/containers/:id/attach/ws", (exchange) => attachWebSocket(containers, exchange)],
    ["POST", "/containers/:id/start", (exchange) => done(exchange, containers.start(id(exchange)))],
    ["POST", "/containers/:id/wait", (exchange) => wait(containers, exchange)],
    [
      "POST",
      "/containers/:id/resize",
      async (exchange) => {
        await containers.resize(id(exchange), exchange.requiredInteger("h"), exchange.requiredInteger("w"));
        exchange.empty(200);
      },
    ],
    [
      "DELETE",
      "/containers/:id",
      (exchange) => {
        const options = { force: exchange.flag("force"), volumes: exchange.flag("v") };
        return done(
          exchange,
          exchange.flag("link") ? containers.unlink(id(exchange)) : containers.remove(id(exchange), options),
        );
      },
    ],
  ];
}
