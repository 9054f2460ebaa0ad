import { isIP } from "node:net";
import { EngineError, ErrorCode } from "#errors";
import type { Fields } from "./fields.ts";

const invalid = (message: string): EngineError => new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, message);

/** An address of no particular interface. */
const isPlainAddress = (text: string): boolean => isIP(text) !== 0 && !text.includes("%");

function checkExtraHost(text: string): void {
  const at = text.indexOf(":");
  if (at <= 0) throw invalid(`bad format for add-host: ${JSON.stringify(text)}`);
  const address = text.slice(at + 1);
  if (address === "host-gateway" || isPlainAddress(address.trim())) return;
  throw invalid(`invalid IP address in add-host: ${JSON.stringify(address)}`);
}

/** `name:address`. @throws {invalid_argument} in Docker's words */
export function parseExtraHosts(fields: Fields): readonly string[] | null {
  const hosts = fields.texts("ExtraHosts") ?? null;
  for (const host of hosts ?? []) checkExtraHost(host);
  return hosts;
}

type Fault = readonly [why: string, at?: string];

const MAX_OCTET = 255;
const OCTETS = 4;

/** The first fault from the left, as Go's parser finds it. */
function faultOfV4(text: string): Fault {
  const strange = /[^0-9.]/.exec(text);
  const read = strange === null ? text : text.slice(0, strange.index);
  let offset = 0;
  for (const [index, octet] of read.split(".").entries()) {
    if (/^0\d/.test(octet)) return ["IPv4 field has octet with leading zero"];
    if (Number(octet) > MAX_OCTET) return ["IPv4 field has value >255"];
    offset += octet.length;
    const isAtDot = text[offset] === ".";
    if (isAtDot && (octet === "" || offset === text.length - 1)) {
      return ["IPv4 field must have at least one digit", text.slice(offset)];
    }
    if (isAtDot && index === OCTETS - 1) return ["IPv4 address too long"];
    offset += 1;
  }
  return strange === null ? ["IPv4 address too short"] : ["unexpected character", text.slice(strange.index)];
}

function faultOf(text: string): Fault {
  const [first] = /[.:%]/.exec(text) ?? [];
  if (first === ".") return faultOfV4(text);
  if (first === "%") return ["missing IPv6 address"];
  return ["unable to parse IP"];
}

/** The servers of names are addresses. @throws {internal} at start, in Docker's words */
export function checkNameservers(servers: readonly string[]): void {
  const bad = servers.find((server) => isIP(server) === 0);
  if (bad === undefined) return;
  const [why, at] = faultOf(bad);
  const place = at === undefined ? "" : ` (at ${JSON.stringify(at)})`;
  const message = `bad nameserver address ${bad}: ParseAddr(${JSON.stringify(bad)}): ${why}${place}`;
  throw new EngineError("internal", ErrorCode.BAD_REQUEST, message);
}
