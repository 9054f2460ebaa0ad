import { EngineError, ErrorCode } from "#errors";

/** Where a GELF server listens, and how it wants its messages. */
export interface GelfOptions {
  readonly scheme: "udp" | "tcp";
  readonly host: string;
  readonly port: string;
  /** Of datagrams. */
  readonly compression: "gzip" | "zlib" | "none";
  /** -1 to 9, as zlib has it. */
  readonly level: number;
  /** How long a broken connection is made anew before lines are lost. */
  readonly patienceMs: number;
}

const FASTEST = 1;
const MAX_RECONNECT = 3;
const RECONNECT_SECONDS = 1;

const invalid = (message: string): EngineError => new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, message);

/** @throws {invalid_argument} in dockerd's words */
export function parseGelfOptions(options: Readonly<Record<string, string>>): GelfOptions {
  const address = parseAddress(options["gelf-address"] ?? "");
  const unknown = (name: string): EngineError =>
    invalid(`unknown value ${JSON.stringify(options[name])} for log opt ${JSON.stringify(name)} for gelf log driver`);
  const ofUdp = (name: string): string | undefined => {
    if (options[name] !== undefined && address.scheme !== "udp") throw invalid("compression is only supported on UDP");
    return options[name];
  };
  const ofTcp = (name: string, fallback: number): number => {
    const text = options[name];
    if (text === undefined) return fallback;
    if (address.scheme !== "tcp") throw invalid(`${JSON.stringify(name)} is only valid for TCP`);
    if (!/^\+?\d+$/.test(text)) throw invalid(`${JSON.stringify(name)} must be a positive integer`);
    return Number(text);
  };
  const level = ofUdp("gelf-compression-level") ?? String(FASTEST);
  if (!/^(?:-1|\+?\d)$/.test(level)) throw unknown("gelf-compression-level");
  const compression = ofUdp("gelf-compression-type") ?? "gzip";
  if (compression !== "gzip" && compression !== "zlib" && compression !== "none")
    throw unknown("gelf-compression-type");
  const attempts = ofTcp("gelf-tcp-max-reconnect", MAX_RECONNECT);
  const delay = ofTcp("gelf-tcp-reconnect-delay", RECONNECT_SECONDS);
  return { ...address, compression, level: Number(level), patienceMs: attempts * delay * 1000 };
}

function parseAddress(text: string): Pick<GelfOptions, "scheme" | "host" | "port"> {
  if (text === "") throw invalid("gelf-address is a required parameter");
  const [, scheme = "", rest = ""] = /^([a-z][a-z\d+.-]*):\/\/(.*)$/i.exec(text) ?? [];
  if (scheme !== "udp" && scheme !== "tcp") throw invalid("gelf: endpoint needs to be TCP or UDP");
  const authority = rest.replace(/[/?#].*$/, "").replace(/^.*@/, "");
  const [, literal, name, port] = /^(?:\[([^\]]*)\]|([^:[\]]*)):(\d*)$/.exec(authority) ?? [];
  if (port === undefined) throw invalid("gelf: please provide gelf-address as proto://host:port");
  return { scheme, host: (literal ?? name) || "localhost", port };
}
