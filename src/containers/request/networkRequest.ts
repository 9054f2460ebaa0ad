import type { EndpointConfig, PortBinding, PortMap } from "#engineapi";
import { EngineError, ErrorCode } from "#errors";
import { splitPort } from "#networks";
import { Fields } from "./fields.ts";

const invalid = (message: string): EngineError => new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, message);

const MAX_PORT = 65_535;

const isPort = (text: string): boolean => /^\d+$/.test(text) && Number(text) <= MAX_PORT;

/** The port that a container has, empty for none. @throws {invalid_argument} */
function checkContainerPort(text: string): void {
  const { port } = splitPort(text);
  if (port !== "" && !isPort(port)) throw invalid(`invalid port specification: ${JSON.stringify(port)}`);
}

/** A port or a range of them; empty: any. What follows a second dash is not looked at. @throws {invalid_argument} */
function checkHostPort(text: string): void {
  const { port } = splitPort(text);
  if (port === "") return;
  const [first = "", last = first] = port.split("-");
  if (isPort(first) && isPort(last) && Number(first) <= Number(last)) return;
  throw invalid(`invalid port specification: ${JSON.stringify(text)}`);
}

function parseBinding(value: unknown, where: string): PortBinding {
  const fields = new Fields(value, where);
  const HostPort = fields.text("HostPort");
  checkHostPort(HostPort);
  return { HostIp: fields.text("HostIp"), HostPort };
}

/** `PortBindings`: port with protocol, as it was spelt → where to publish it; an entry with none gets a random port. */
export function parsePortBindings(fields: Fields): PortMap {
  const map = fields.object("PortBindings");
  return Object.fromEntries(
    map.names().map((port): [string, readonly PortBinding[] | null] => {
      checkContainerPort(port);
      const list: unknown = map.get(port);
      if (list === undefined || list === null) return [port, null];
      if (!Array.isArray(list)) throw invalid(`HostConfig.PortBindings.${port}: expected a list`);
      return [port, list.map((item) => parseBinding(item, `HostConfig.PortBindings.${port}`))];
    }),
  );
}

function parseIpam(endpoint: Fields): NonNullable<EndpointConfig["IPAMConfig"]> | null {
  if (endpoint.get("IPAMConfig") === undefined) return null;
  const ipam = endpoint.object("IPAMConfig");
  const [v4, v6, local] = [ipam.text("IPv4Address"), ipam.text("IPv6Address"), ipam.texts("LinkLocalIPs")];
  return {
    ...(v4 === "" ? {} : { IPv4Address: v4 }),
    ...(v6 === "" ? {} : { IPv6Address: v6 }),
    ...(local === undefined ? {} : { LinkLocalIPs: local }),
  };
}

/** One value of `EndpointsConfig`, also the body's of a connect. */
export function parseEndpoint(value: unknown, where: string): EndpointConfig {
  const endpoint = new Fields(value, where);
  return {
    IPAMConfig: parseIpam(endpoint),
    Links: endpoint.texts("Links") ?? null,
    Aliases: endpoint.texts("Aliases") ?? null,
    MacAddress: endpoint.text("MacAddress"),
    DriverOpts: endpoint.get("DriverOpts") === undefined ? null : endpoint.textMap("DriverOpts"),
    ...(endpoint.integer("GwPriority") === 0 ? {} : { GwPriority: endpoint.integer("GwPriority") }),
  };
}

/** `NetworkingConfig.EndpointsConfig`: network's name or id → what is asked of the endpoint. */
export function parseEndpoints(networkingConfig: unknown): Readonly<Record<string, EndpointConfig>> {
  const networking = new Fields(networkingConfig, "NetworkingConfig");
  const map = networking.object("EndpointsConfig");
  return Object.fromEntries(
    map.names().map((network) => [network, parseEndpoint(map.get(network), `EndpointsConfig.${network}`)]),
  );
}
