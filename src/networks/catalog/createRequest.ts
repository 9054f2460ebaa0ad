import type { IpamPool } from "#engineapi";
import { EngineError, ErrorCode } from "#errors";
import { notABoolean, parseGoBoolean } from "#gotext";
import { badRequest, forbidden } from "../networkError.ts";
import { BRIDGE_OPTION, DRIVERS } from "../networkRecord.ts";
import type { DriverName } from "../networkRecord.ts";
import { parseAddress } from "../ipam/address.ts";

/** `POST /networks/create`, checked as far as it can be without looking at other networks. */
export interface CreateRequest {
  readonly name: string;
  readonly driver: DriverName;
  readonly scope: string;
  readonly internal: boolean;
  readonly attachable: boolean;
  readonly enableIPv4: boolean;
  readonly enableIPv6: boolean;
  readonly configOnly: boolean;
  readonly configFrom: string;
  readonly ipamDriver: string;
  readonly ipamOptions: Readonly<Record<string, string>> | null;
  readonly ipam: readonly IpamPool[];
  readonly options: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
}

type Json = Readonly<Record<string, unknown>>;

function objectAt(value: unknown, where: string): Json {
  if (value === undefined || value === null) return {};
  if (typeof value === "object" && !Array.isArray(value)) return value as Json;
  throw badRequest(`invalid JSON: ${where}: expected an object`);
}

function textAt(json: Json, key: string): string {
  const value = json[key] ?? "";
  if (typeof value === "string") return value;
  throw badRequest(`invalid JSON: ${key}: expected a string`);
}

function flagAt(json: Json, key: string): boolean {
  const value = json[key] ?? false;
  if (typeof value === "boolean") return value;
  throw badRequest(`invalid JSON: ${key}: expected a boolean`);
}

function textsAt(json: Json, key: string): Readonly<Record<string, string>> | null {
  if (json[key] === undefined || json[key] === null) return null;
  const entries = Object.entries(objectAt(json[key], key));
  if (entries.some(([, value]) => typeof value !== "string")) {
    throw badRequest(`invalid JSON: ${key}: expected a map of strings`);
  }
  return Object.fromEntries(entries) as Record<string, string>;
}

function parsePool(value: unknown): IpamPool {
  const pool = objectAt(value, "IPAM.Config");
  const auxiliary = textsAt(pool, "AuxiliaryAddresses") ?? {};
  return {
    ...(textAt(pool, "Subnet") === "" ? {} : { Subnet: textAt(pool, "Subnet") }),
    ...(textAt(pool, "IPRange") === "" ? {} : { IPRange: textAt(pool, "IPRange") }),
    ...(textAt(pool, "Gateway") === "" ? {} : { Gateway: textAt(pool, "Gateway") }),
    ...(Object.keys(auxiliary).length === 0 ? {} : { AuxiliaryAddresses: auxiliary }),
  };
}

function parseDriver(name: string): DriverName {
  if (name === "overlay") {
    throw forbidden(
      'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.',
    );
  }
  const driver = DRIVERS.find((known) => known === name);
  if (driver === undefined) throw pluginNotFound(name);
  return driver;
}

const pluginNotFound = (name: string): EngineError =>
  new EngineError("not_found", ErrorCode.NETWORK_NOT_FOUND, `plugin ${JSON.stringify(name)} not found`);

/** Docker's checks of the bridge driver's options. */
function checkBridgeOptions(options: Readonly<Record<string, string>>): void {
  const parsing = (key: string, why: string): EngineError =>
    badRequest(`failed to parse ${key} value: ${options[key] ?? ""} (${why})`);
  for (const key of [BRIDGE_OPTION.icc, BRIDGE_OPTION.masquerade, BRIDGE_OPTION.inhibitIpv4]) {
    const value = options[key];
    if (value === undefined || parseGoBoolean(value) !== undefined) continue;
    throw parsing(key, notABoolean(value));
  }
  const mtu = options[BRIDGE_OPTION.mtu];
  if (mtu !== undefined) {
    if (!/^[+-]?\d+$/.test(mtu))
      throw parsing(BRIDGE_OPTION.mtu, `strconv.Atoi: parsing ${JSON.stringify(mtu)}: invalid syntax`);
    if (Number(mtu) < 0) throw badRequest(`invalid MTU number: ${Number(mtu)}`);
  }
  const binding = options[BRIDGE_OPTION.hostBinding];
  if (binding !== undefined && parseAddress(binding) === undefined) throw parsing(BRIDGE_OPTION.hostBinding, "nil ip");
}

/** What a configuration network, and a network that has its settings from one, may say itself. */
function checkConfiguration(request: CreateRequest, scope: string): void {
  const { configOnly, configFrom, internal, attachable, enableIPv6, labels, ipam, ipamOptions, options } = request;
  if (configOnly && (internal || attachable || scope !== "")) {
    throw forbidden(
      "configuration network can only contain network specific fields. Network operator fields like [ ingress | internal | attachable | scope ] are not supported.",
    );
  }
  if (configFrom === "") return;
  if (configOnly) throw forbidden("a configuration network cannot depend on another configuration network");
  const own = [labels, ipamOptions ?? {}].some((map) => Object.keys(map).length > 0);
  if (enableIPv6 || own || ipam.length > 0) {
    throw forbidden(
      "user specified configurations are not supported if the network depends on a configuration network",
    );
  }
  if (Object.keys(options).length > 0) {
    throw forbidden("network driver options are not supported if the network depends on a configuration network");
  }
}

/** @throws {invalid_argument} {permission_denied} {not_found} in Docker's words */
export function parseCreateRequest(body: unknown): CreateRequest {
  const json = objectAt(body, "body");
  const name = textAt(json, "Name");
  const ipam = objectAt(json["IPAM"], "IPAM");
  const pools = ipam["Config"] ?? [];
  if (!Array.isArray(pools)) throw badRequest("invalid JSON: IPAM.Config: expected a list");
  const scope = textAt(json, "Scope");
  const request: CreateRequest = {
    name,
    driver: parseDriver(textAt(json, "Driver") || "bridge"),
    scope: scope === "" ? "local" : scope,
    internal: flagAt(json, "Internal"),
    attachable: flagAt(json, "Attachable"),
    enableIPv4: (json["EnableIPv4"] ?? null) === null ? true : flagAt(json, "EnableIPv4"),
    enableIPv6: flagAt(json, "EnableIPv6"),
    configOnly: flagAt(json, "ConfigOnly"),
    configFrom: textAt(objectAt(json["ConfigFrom"], "ConfigFrom"), "Network"),
    ipamDriver: textAt(ipam, "Driver") || "default",
    ipamOptions: textsAt(ipam, "Options"),
    ipam: pools.map(parsePool),
    options: textsAt(json, "Options") ?? {},
    labels: textsAt(json, "Labels") ?? {},
  };
  if (name.trim() === "") throw badRequest(`invalid name: ${name}`);
  if (flagAt(json, "Ingress")) throw forbidden("Ingress network can only be global scope network");
  if (scope === "swarm") throw forbidden("cannot create a swarm scoped network when swarm is not active");
  if (request.driver === "host" || request.driver === "null") {
    throw forbidden(`only one instance of "${request.driver}" network is allowed`);
  }
  if (!request.enableIPv4 && !request.enableIPv6) throw badRequest("IPv4 or IPv6 must be enabled");
  checkConfiguration(request, scope);
  if (request.ipamDriver === "null") throw badRequest("ipv4 pool is empty");
  if (request.ipamDriver !== "default") throw pluginNotFound(request.ipamDriver);
  if (request.driver === "bridge") checkBridgeOptions(request.options);
  return request;
}
