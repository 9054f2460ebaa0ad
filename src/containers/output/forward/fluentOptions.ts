import { EngineError, ErrorCode, messageOf } from "#errors";
import { notABoolean, parseGoBoolean, parseGoDuration } from "#gotext";
import { parseSize } from "./sizes.ts";

export type FluentAddress =
  | { readonly scheme: "unix"; readonly path: string }
  | { readonly scheme: "tcp" | "tls"; readonly host: string; readonly port: string };

/** Where fluentd listens, and how it is spoken to. */
export interface FluentOptions {
  readonly address: FluentAddress;
  /** Starts without a receiver, and keeps lines for it. */
  readonly async: boolean;
  /** How many lines are kept then. */
  readonly bufferedLines: number;
  /** How long a receiver that is gone is waited for. */
  readonly patienceMs: number;
  /** Times in nanoseconds. */
  readonly subSecond: boolean;
  /** The receiver says of each line that it has it. */
  readonly acknowledged: boolean;
}

const DEFAULT_PORT = "24224";
const LINES = 1 << 20;
const RETRY_MS = 1000;
const MAX_RETRIES = 2 ** 31 - 1;

const invalid = (message: string): EngineError => new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, message);

/** @throws {invalid_argument} in dockerd's words */
export function parseFluentOptions(options: Readonly<Record<string, string>>): FluentOptions {
  const given = (name: string): string => options[`fluentd-${name}`] ?? "";
  const size = given("buffer-limit");
  const bufferedLines = size === "" ? LINES : parseSize(size, 1024);
  if (bufferedLines === undefined) throw invalid(`invalid size: '${size}'`);
  const retryMs = given("retry-wait") === "" ? RETRY_MS : parseDuration(given("retry-wait"));
  const retries = given("max-retries") === "" ? MAX_RETRIES : parseUnsigned(given("max-retries"));
  checkInterval(given("async-reconnect-interval"));
  return {
    address: parseAddress(given("address")),
    async: parseFlag(given("async")),
    bufferedLines,
    patienceMs: retryMs * retries,
    subSecond: parseFlag(given("sub-second-precision")),
    acknowledged: parseFlag(given("request-ack")),
  };
}

function parseAddress(given: string): FluentAddress {
  const refuse = (why: string): EngineError => invalid(`invalid fluentd-address (${given}): ${why}`);
  const text = given.includes("://") ? given : `tcp://${given}`;
  const [, scheme = "", rest = ""] = /^([^:]*):\/\/(.*)$/.exec(text) ?? [];
  const [authority = "", ...path] = rest.split("/");
  if (scheme === "unix") {
    if (path.join("") === "") throw refuse("path is empty");
    return { scheme, path: `/${path.join("/")}` };
  }
  if (scheme !== "tcp" && scheme !== "tls") throw refuse(`unsupported scheme: '${scheme}'`);
  const [, literal, name = "", port = ""] = /^(?:\[([^\]]*)\]|([^:]*))(?::(.*))?$/.exec(authority) ?? [];
  if (port !== "" && !/^\d+$/.test(port))
    throw refuse(`parse ${JSON.stringify(text)}: invalid port ${JSON.stringify(`:${port}`)} after host`);
  if (path.length > 0) throw refuse("should not contain a path element");
  if (Number(port) > 65_535)
    throw refuse(`invalid port: strconv.ParseUint: parsing ${JSON.stringify(port)}: value out of range`);
  return { scheme, host: (literal ?? name) || "127.0.0.1", port: port || DEFAULT_PORT };
}

function parseFlag(text: string): boolean {
  const parsed = text === "" ? false : parseGoBoolean(text);
  if (parsed === undefined) throw invalid(notABoolean(text));
  return parsed;
}

function parseUnsigned(text: string): number {
  if (!/^\d+$/.test(text)) throw invalid(`strconv.ParseUint: parsing ${JSON.stringify(text)}: invalid syntax`);
  return Math.min(Number(text), MAX_RETRIES);
}

/** Go's time.ParseDuration, in ms. */
function parseDuration(text: string): number {
  const nanoseconds = parseGoDuration(text);
  if (typeof nanoseconds === "string") throw invalid(nanoseconds);
  return nanoseconds / 1e6;
}

function checkInterval(text: string): void {
  const name = "fluentd-async-reconnect-interval";
  if (text === "") return;
  let ms: number;
  try {
    ms = parseDuration(text);
  } catch (error) {
    throw invalid(`invalid value for ${name}: ${messageOf(error)}`);
  }
  if (ms !== 0 && (ms < 100 || ms > 10_000))
    throw invalid(`invalid value for ${name}: value (${JSON.stringify(text)}) must be between 100ms and 10s`);
}
