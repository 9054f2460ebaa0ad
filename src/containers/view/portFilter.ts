import { EngineError, ErrorCode } from "#errors";
import type { PortRow } from "#engineapi";

const MAX_PORT = 65_535;

function invalid(message: string): EngineError {
  return new EngineError("invalid_argument", ErrorCode.INVALID_FILTER, message);
}

function portNumber(text: string): number {
  const bad = (why: string): Error => new Error(`strconv.ParseUint: parsing ${JSON.stringify(text)}: ${why}`);
  if (!/^\d+$/.test(text)) throw bad("invalid syntax");
  if (Number(text) > MAX_PORT) throw bad("value out of range");
  return Number(text);
}

function parseRange(text: string): readonly [first: number, last: number] {
  if (text === "") throw new Error("empty string specified for ports");
  const [first = "", last = first] = text.split("-", 2);
  const range = [portNumber(first), portNumber(last)] as const;
  if (range[1] < range[0]) throw new Error(`invalid range specified for port: ${text}`);
  return range;
}

/** `80`, `80/udp`, `8000-8010/tcp` → a test of a port with its protocol. @throws {invalid_argument} in Docker's words */
export function portTest(key: string, value: string): (port: number, protocol: string) => boolean {
  if (value.includes(":")) throw invalid(`filter for '${key}' should not contain ':': ${value}`);
  const [numbers = "", protocol = "tcp"] = value.split("/", 2);
  try {
    const [first, last] = parseRange(numbers);
    return (port, kind) => port >= first && port <= last && kind === protocol.toLowerCase();
  } catch (error) {
    const why = error instanceof Error ? error.message : "";
    throw invalid(`error while looking up for ${key} ${value}: ${why}`);
  }
}

/** Published on that port of the host, or open on that port of the container. */
export function hasPort(
  rows: readonly PortRow[],
  kind: "publish" | "expose",
  test: ReturnType<typeof portTest>,
): boolean {
  return rows.some(({ PublicPort, PrivatePort, Type }) => {
    const port = kind === "publish" ? PublicPort : PrivatePort;
    return port !== undefined && test(port, Type);
  });
}
