import type { ConsoleSize, ExecCreateRequest, ExecStartOptions } from "#containers";
import { EngineError, ErrorCode } from "#errors";
import type { ExecBackend } from "../backends.ts";
import type { Exchange } from "../exchange.ts";
import type { Route } from "../router.ts";
import { serveStreams } from "./attach.ts";

async function readObject(exchange: Exchange): Promise<Readonly<Record<string, unknown>>> {
  const value = await exchange.readOptionalJson();
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return { ...value };
  throw new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, "invalid JSON: expected an object");
}

async function create(execs: ExecBackend, exchange: Exchange): Promise<void> {
  const request: ExecCreateRequest = await readObject(exchange);
  exchange.json(201, await execs.create(exchange.param("id"), request));
}

/** `[rows, columns]`; absent, null or of another length is no size. */
function consoleSize(value: unknown): ConsoleSize | undefined {
  const [rows, columns, ...more]: readonly unknown[] = Array.isArray(value) ? value : [];
  if (typeof rows !== "number" || typeof columns !== "number" || more.length > 0) return undefined;
  return rows > 0 && columns > 0 ? { rows, columns } : undefined;
}

async function start(execs: ExecBackend, exchange: Exchange): Promise<void> {
  const id = exchange.param("id");
  const body = await readObject(exchange);
  const tty = body["Tty"] === true;
  const size = tty ? consoleSize(body["ConsoleSize"]) : undefined;
  const options: ExecStartOptions = { tty, ...(size === undefined ? {} : { consoleSize: size }) };
  if (body["Detach"] === true) {
    await execs.start(id, options);
    exchange.empty(200);
    return;
  }
  const { OpenStdin } = await execs.inspect(id);
  await serveStreams(await execs.attach(id, options), exchange, { stdin: OpenStdin, tty });
}

async function resize(execs: ExecBackend, exchange: Exchange): Promise<void> {
  const rows = exchange.requiredInteger("h");
  const columns = exchange.requiredInteger("w");
  await execs.resize(exchange.param("id"), { rows, columns });
  exchange.empty(200);
}

/** More processes in running containers. */
export function execRoutes(execs: ExecBackend): readonly Route[] {
  return [
    ["POST", "/containers/:id/exec", (exchange) => create(execs, exchange)],
    ["POST", "/exec/:id/start", (exchange) => start(execs, exchange)],
    ["POST", "/exec/:id/resize", (exchange) => resize(execs, exchange)],
    ["GET", "/exec/:id/json", async (exchange) => exchange.json(200, await execs.inspect(exchange.param("id")))],
  ];
}
