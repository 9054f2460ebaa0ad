import { goQuote } from "#gotext";
import type { LineRange } from "./ast.ts";
import { invalidDockerfile } from "./dockerfileError.ts";
import type { Linter } from "./lint/linter.ts";

const PROTOCOLS: ReadonlySet<string> = new Set(["tcp", "udp", "sctp"]);
const MAX_PORT = 65_535;
const IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?!$)|$)){4}$/;
const IPV6 = /^[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*$/;

interface PortRange {
  readonly start: number;
  readonly end: number;
}

function portNumber(text: string): number {
  const port = /^[+-]?[0-9]+$/.test(text) ? Number(text) : Number.NaN;
  return port >= 0 && port <= MAX_PORT ? port : Number.NaN;
}

function portRange(text: string): PortRange | undefined {
  const at = text.indexOf("-");
  const first = at < 0 ? text : text.slice(0, at);
  const start = portNumber(first);
  const last = text.slice(at + 1);
  const end = at < 0 || first === last ? start : portNumber(last);
  return end >= start ? { start, end } : undefined;
}

function protocolAndPort(text: string, whole: string): readonly [protocol: string, port: string] {
  const at = text.indexOf("/");
  const port = at < 0 ? text : text.slice(0, at);
  const protocol = at < 0 ? "" : text.slice(at + 1);
  const wrong = (why: string): Error => invalidDockerfile(`invalid port: ${goQuote(whole)}: ${why}`);
  if (port === "") throw wrong("no port specified");
  if (protocol === "") return ["tcp", port];
  if (!PROTOCOLS.has(protocol.toLowerCase())) throw wrong(`invalid proto: ${protocol}`);
  return [protocol, port];
}

function checkAddress(address: string): void {
  if (address === "") return;
  const bare = address.startsWith("[") && address.endsWith("]") ? address.slice(1, -1) : address;
  if (!IPV4.test(bare) && !IPV6.test(bare)) throw invalidDockerfile(`invalid IP address: ${bare}`);
}

function portsOf(word: string, location: LineRange, linter: Linter | undefined): readonly string[] {
  const parts = word.split(":");
  const hostPort = parts.at(-2) ?? "";
  const address = parts.slice(0, -2).join(":");
  const [protocol, port] = protocolAndPort(parts.at(-1) ?? "", word);
  if (protocol !== protocol.toLowerCase()) {
    const detail = `Defined protocol '${word}' in EXPOSE instruction should be lowercase`;
    linter?.report("ExposeProtoCasing", location, detail);
  }
  if (address !== "" || hostPort !== "") {
    const detail = `EXPOSE instruction should not define an IP address or host-port mapping, found '${word}'`;
    linter?.report("ExposeInvalidFormat", location, detail);
  }
  checkAddress(address);
  const range = portRange(port);
  if (range === undefined) throw invalidDockerfile(`invalid containerPort: ${port}`);
  const count = range.end - range.start;
  if (hostPort !== "") {
    const host = portRange(hostPort);
    if (host === undefined) throw invalidDockerfile(`invalid hostPort: ${hostPort}`);
    if (count > 0 && host.end - host.start !== count) {
      throw invalidDockerfile(`invalid ranges specified for container and host Ports: ${port} and ${hostPort}`);
    }
  }
  return Array.from({ length: count + 1 }, (_, index) => `${range.start + index}/${protocol.toLowerCase()}`);
}

/**
 * Ports of an expanded EXPOSE as an image config names them, `80/tcp`, in the order of the words; a range becomes its
 * ports. A host's address and port, which other builders took, are looked at and left out.
 * @throws {invalid_argument} `invalid containerPort: x`, `invalid port: "80/x": invalid proto: x`, …
 */
export function exposedPorts(words: readonly string[], location: LineRange, linter?: Linter): readonly string[] {
  return words.flatMap((word) => portsOf(word, location, linter));
}
