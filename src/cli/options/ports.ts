import { canonicalIp } from "./addresses.ts";
import { parseUnsignedDecimal } from "./numbers.ts";

/** Where a port of the container is published; an empty HostPort is any free one. */
export interface PortBinding {
  readonly HostIp: string;
  readonly HostPort: string;
}

/** Published and exposed ports: `80/tcp` → bindings, and the set of both. */
export interface Ports {
  readonly exposed: Readonly<Record<string, Readonly<Record<string, never>>>>;
  readonly bindings: Readonly<Record<string, readonly PortBinding[]>>;
}

interface Range {
  readonly first: number;
  readonly last: number;
}

const PROTOCOLS = ["tcp", "udp", "sctp"];
const portNumber = (text: string): number => parseUnsignedDecimal(text, 16);

function parseRange(text: string): Range {
  if (text === "") throw new Error("empty string specified for ports");
  const [start = "", end] = text.split("-");
  const first = portNumber(start);
  const last = end === undefined ? first : portNumber(end);
  if (last < first) throw new Error(`invalid range specified for port: ${text}`);
  return { first, last };
}

function rangeOr(text: string, message: string): Range {
  try {
    return parseRange(text);
  } catch (cause) {
    throw new Error(message, { cause });
  }
}

/** `53/udp` → parts; tcp when nothing is said. */
function splitProtocol(text: string): { readonly port: string; readonly protocol: string } {
  const [port = "", protocol = ""] = text.split("/");
  if (port === "") return { port: "", protocol: "" };
  return { port, protocol: protocol === "" ? "tcp" : protocol };
}

/** `published=8080,target=80,protocol=tcp` → `8080:80/tcp`. */
function shortForm(text: string): string {
  if (!text.includes("=")) return text;
  const parts: Record<string, string> = { protocol: "tcp" };
  for (const part of text.split(",")) {
    const at = part.indexOf("=");
    if (at <= 0) throw new Error(`invalid publish opts format (should be name=value but got '${part}')`);
    parts[part.slice(0, at)] = part.slice(at + 1);
  }
  return `${parts["published"] ?? ""}:${parts["target"] ?? ""}/${parts["protocol"] ?? ""}`;
}

function hostAddress(text: string): string {
  const inner = /^\[(.*)\]$/.exec(text)?.[1];
  if (text.startsWith("[") && inner === undefined) {
    throw new Error(`invalid IP address ${text}: address ${text}:: missing ']' in address`);
  }
  const address = inner ?? text;
  if (address !== "" && canonicalIp(address) === undefined) throw new Error(`invalid IP address: ${address}`);
  return address;
}

function hostRange(hostPort: string, container: Range, containerPort: string): Range | undefined {
  if (hostPort === "") return undefined;
  const host = rangeOr(hostPort, `invalid hostPort: ${hostPort}`);
  const isSame = host.last - host.first === container.last - container.first;
  if (!isSame && container.last !== container.first) {
    throw new Error(`invalid ranges specified for container and host Ports: ${containerPort} and ${hostPort}`);
  }
  return host;
}

/** `[ip:][hostPort[-end]:]containerPort[-end][/protocol]` → one pair a port. */
function parsePublish(text: string): readonly (readonly [port: string, binding: PortBinding])[] {
  const parts = text.split(":");
  const { port: containerPort, protocol } = splitProtocol(parts.at(-1) ?? "");
  const hostPort = parts.length > 1 ? (parts.at(-2) ?? "") : "";
  const HostIp = hostAddress(parts.slice(0, -2).join(":"));
  if (containerPort === "") throw new Error(`no port specified: ${text}<empty>`);
  const container = rangeOr(containerPort, `invalid containerPort: ${containerPort}`);
  const host = hostRange(hostPort, container, containerPort);
  if (!PROTOCOLS.includes(protocol.toLowerCase())) throw new Error(`invalid proto: ${protocol}`);
  // One port of the container and several of the host: the daemon picks one of them.
  const picks = host !== undefined && host.first !== host.last && container.first === container.last;
  return Array.from({ length: container.last - container.first + 1 }, (_, index) => {
    const own = host === undefined ? "" : String(host.first + index);
    const HostPort = picks ? `${own}-${host.last}` : own;
    return [`${container.first + index}/${protocol.toLowerCase()}`, { HostIp, HostPort }] as const;
  });
}

function parseExpose(text: string): readonly string[] {
  if (text.includes(":")) throw new Error(`invalid port format for --expose: ${text}`);
  const { port, protocol } = splitProtocol(text);
  let range: Range;
  try {
    range = parseRange(port);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`invalid range format for --expose: ${text}, error: ${why}`, { cause: error });
  }
  return Array.from({ length: range.last - range.first + 1 }, (_, index) => `${range.first + index}/${protocol}`);
}

/** `--publish` and `--expose` together. @throws {Error} in Docker's words. */
export function parsePorts(publish: readonly string[], expose: readonly string[]): Ports {
  const bindings: Record<string, PortBinding[]> = {};
  for (const text of publish.map(shortForm)) {
    for (const [port, binding] of parsePublish(text)) (bindings[port] ??= []).push(binding);
  }
  const ports = [...Object.keys(bindings), ...expose.flatMap(parseExpose)];
  return { bindings, exposed: Object.fromEntries(ports.map((port) => [port, {}])) };
}
