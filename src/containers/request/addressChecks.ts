import { isIP } from "node:net";
import { EngineError, ErrorCode } from "#errors";
import { addressFault } from "./addressFault.ts";
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

/** The servers of names are addresses. @throws {internal} at start, in Docker's words */
export function checkNameservers(servers: readonly string[]): void {
  const bad = servers.find((server) => isIP(server) === 0);
  if (bad === undefined) return;
  const [why, at] = addressFault(bad);
  const place = at === undefined ? "" : ` (at ${JSON.stringify(at)})`;
  const message = `bad nameserver address ${bad}: ParseAddr(${JSON.stringify(bad)}): ${why}${place}`;
  throw new EngineError("internal", ErrorCode.BAD_REQUEST, message);
}
