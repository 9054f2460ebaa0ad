import { EngineError, ErrorCode, messageOf } from "#errors";
import type { Attachment, ContainerCreateRequest, OutputFrame, WaitCondition } from "#containers";
import type { Socket } from "node:net";
import type { ContainerBackend } from "../backends.ts";
import { untilWritable } from "../drain.ts";
import type { Exchange } from "../exchange.ts";
import { parseFilters } from "../query.ts";
import type { Route } from "../router.ts";
import { encodeFrame } from "../stdcopy.ts";

const RAW_STREAM = "application/vnd.docker.raw-stream";
const MULTIPLEXED_STREAM = "application/vnd.docker.multiplexed-stream";
const V1_42 = 1042;

function streamType(tty: boolean, exchange: Exchange): string {
  return tty || exchange.version < V1_42 ? RAW_STREAM : MULTIPLEXED_STREAM;
}

function parseCreate(value: unknown): ContainerCreateRequest {
  if (typeof value !== "object" || value === null || !("Image" in value) || typeof value.Image !== "string") {
    throw new EngineError(
      "invalid_argument",
      ErrorCode.BAD_REQUEST,
      "config cannot be empty in order to create a container",
    );
  }
  return value as ContainerCreateRequest;
}

async function create(containers: ContainerBackend, exchange: Exchange): Promise<void> {
  const name = exchange.query.get("name") ?? "";
  const request = parseCreate(await exchange.readJson());
  exchange.json(201, await containers.create(request, name === "" ? undefined : name));
}

async function writeSocket(socket: Socket, bytes: Uint8Array): Promise<void> {
  if (!socket.destroyed && !socket.write(bytes)) await untilWritable(socket);
}

async function pumpOutput(attachment: Attachment, socket: Socket): Promise<void> {
  for await (const frame of attachment.output) {
    await writeSocket(socket, attachment.tty ? frame.bytes : encodeFrame(frame.stream, frame.bytes));
  }
  socket.end();
}

async function pumpInput(attachment: Attachment, socket: Socket, head: Uint8Array): Promise<void> {
  if (head.byteLength > 0) await attachment.write(head);
  // A plain for-await destroys the socket at the end of the input, with the output that is still to come.
  const chunks: AsyncIterable<Uint8Array> = socket.iterator({ destroyOnReturn: false });
  for await (const chunk of chunks) await attachment.write(chunk);
  attachment.closeStdin();
}

async function attach(containers: ContainerBackend, exchange: Exchange): Promise<void> {
  const stdin = exchange.flag("stdin");
  await using attachment = await containers.attach(exchange.param("id"), {
    stdin,
    stdout: exchange.flag("stdout"),
    stderr: exchange.flag("stderr"),
    logs: exchange.flag("logs"),
    stream: exchange.flag("stream"),
  });
  const { socket, head } = exchange.hijack(streamType(attachment.tty, exchange));
  socket.setNoDelay(true);
  socket.on("error", () => undefined);
  // A client that resets its end is no failure of ours; its input simply ends.
  const input = stdin ? pumpInput(attachment, socket, head).catch(() => undefined) : Promise.resolve();
  if (!stdin) socket.resume();
  await pumpOutput(attachment, socket);
  socket.destroySoon();
  await input;
}

function waitCondition(text: string | null): WaitCondition {
  if (text === null || text === "" || text === "not-running") return "not-running";
  if (text === "next-exit" || text === "removed") return text;
  throw new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, `invalid condition: "${text}"`);
}

async function wait(containers: ContainerBackend, exchange: Exchange): Promise<void> {
  const condition = waitCondition(exchange.query.get("condition"));
  const result = containers.wait(exchange.param("id"), condition, exchange.signal);
  // Clients start the container only once they have these headers: not before the wait is registered, not after its end.
  const first = await Promise.race([
    result.then(
      () => "done",
      (error: unknown) => error,
    ),
    new Promise((resolve) => setImmediate(resolve, "waiting")),
  ]);
  if (first instanceof Error) throw first;
  const body = exchange.stream(200, "application/json");
  try {
    body.post(`${JSON.stringify(await result)}\n`);
  } catch (error) {
    body.post(`${JSON.stringify({ StatusCode: 255, Error: { Message: messageOf(error) } })}\n`);
  }
  body.end();
}

/** `since` and `until` come as seconds since 1970 with up to nine decimals; 0 means none. */
function timeBound(exchange: Exchange, name: "since" | "until"): Readonly<Record<string, bigint>> {
  const match = /^(\d+)(?:\.(\d{1,9}))?$/.exec(exchange.query.get(name) ?? "");
  const nanoseconds = BigInt(`${match?.[1] ?? "0"}${(match?.[2] ?? "").padEnd(9, "0")}`);
  return nanoseconds === 0n ? {} : { [name]: nanoseconds };
}

async function logs(containers: ContainerBackend, exchange: Exchange): Promise<void> {
  const id = exchange.param("id");
  const stdout = exchange.flag("stdout");
  const stderr = exchange.flag("stderr");
  if (!stdout && !stderr)
    throw new EngineError(
      "invalid_argument",
      ErrorCode.BAD_REQUEST,
      "Bad parameters: you must choose at least one stream",
    );
  const config = (await containers.inspect(id))["Config"];
  const tty = typeof config === "object" && config !== null && "Tty" in config && config.Tty === true;
  const tail = exchange.query.get("tail");
  const frames: AsyncIterable<OutputFrame> = containers.logs(id, {
    stdout,
    stderr,
    follow: exchange.flag("follow"),
    timestamps: exchange.flag("timestamps"),
    signal: exchange.signal,
    ...timeBound(exchange, "since"),
    ...timeBound(exchange, "until"),
    ...(tail === null || !/^\d+$/.test(tail) ? {} : { tail: Number(tail) }),
  });
  const body = exchange.stream(200, streamType(tty, exchange));
  for await (const frame of frames) await body.write(tty ? frame.bytes : encodeFrame(frame.stream, frame.bytes));
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
  exchange.json(200, rows);
}

async function done(exchange: Exchange, work: Promise<void>): Promise<void> {
  await work;
  exchange.empty(204);
}

/** Running containers in the foreground, and what looks after them. */
export function containerRoutes(containers: ContainerBackend): readonly Route[] {
  const id = (exchange: Exchange): string => exchange.param("id");
  return [
    ["GET", "/containers/json", (exchange) => list(containers, exchange)],
    ["POST", "/containers/create", (exchange) => create(containers, exchange)],
    ["GET", "/containers/:id/json", async (exchange) => exchange.json(200, await containers.inspect(id(exchange)))],
    ["GET", "/containers/:id/logs", (exchange) => logs(containers, exchange)],
    ["POST", "/containers/:id/attach", (exchange) => attach(containers, exchange)],
    ["POST", "/containers/:id/start", (exchange) => done(exchange, containers.start(id(exchange)))],
    [
      "POST",
      "/containers/:id/stop",
      (exchange) => done(exchange, containers.stop(id(exchange), exchange.integer("t"))),
    ],
    [
      "POST",
      "/containers/:id/kill",
      (exchange) => done(exchange, containers.kill(id(exchange), exchange.query.get("signal") ?? "SIGKILL")),
    ],
    ["POST", "/containers/:id/wait", (exchange) => wait(containers, exchange)],
    [
      "POST",
      "/containers/:id/resize",
      async (exchange) => {
        await containers.resize(id(exchange), exchange.integer("h") ?? 0, exchange.integer("w") ?? 0);
        exchange.empty(200);
      },
    ],
    [
      "DELETE",
      "/containers/:id",
      (exchange) =>
        done(exchange, containers.remove(id(exchange), { force: exchange.flag("force"), volumes: exchange.flag("v") })),
    ],
  ];
}
