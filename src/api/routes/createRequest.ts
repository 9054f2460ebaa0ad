import { EngineError, ErrorCode } from "#errors";
import type { ContainerCreateRequest } from "#containers";
import type { ApiVersion } from "../version.ts";

type HostConfig = Readonly<Record<string, unknown>>;

const refuse = (message: string): EngineError => new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, message);

const V1_44: ApiVersion = 1044;

/** Fields of HostConfig that a version does not have yet: its clients do not mean them. */
const ADDED: Readonly<Record<string, ApiVersion>> = { AutoRemove: 1025, Annotations: 1043 };

const text = (value: unknown): string => (typeof value === "string" ? value : "");

/** What an older client means by what it says, in the words of the newest. */
function adapt(hostConfig: HostConfig, version: ApiVersion): HostConfig {
  const known = Object.entries(hostConfig).filter(([name]) => version >= (ADDED[name] ?? 0));
  const adapted = Object.fromEntries(known);
  // Before 1.40 everybody could join the IPC namespace of a container.
  return version < 1040 && text(adapted["IpcMode"]) === "" ? { ...adapted, IpcMode: "shareable" } : adapted;
}

type Request = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Request =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/**
 * Before 1.44 a MAC address was the container's, not an endpoint's: it is now asked of its only network.
 * @throws {invalid_argument} in Docker's words when there is none
 */
function withoutOwnMacAddress(request: Request): Request {
  const { MacAddress, ...rest } = request;
  const { NetworkingConfig, HostConfig } = rest;
  const mode = (isObject(HostConfig) ? text(HostConfig["NetworkMode"]) : "") || "default";
  const config = isObject(NetworkingConfig) ? NetworkingConfig : {};
  const given = isObject(config["EndpointsConfig"]) ? config["EndpointsConfig"] : {};
  // Of another type it is refused where all fields are.
  if (typeof (MacAddress ?? "") !== "string") return request;
  const address = text(MacAddress);
  if (address !== "" && (mode === "host" || mode === "none" || mode.startsWith("container:"))) {
    throw refuse("conflicting options: mac-address and the network mode");
  }
  const own = mode === "default" ? "bridge" : mode;
  const endpoints = Object.keys(given).length === 0 && address !== "" ? { [own]: {} } : given;
  if (Object.keys(endpoints).length === 0) return rest;
  const adapted = Object.entries(endpoints).map(([name, endpoint]): [string, unknown] => [
    name,
    isObject(endpoint ?? {}) ? { ...Object(endpoint), MacAddress: address } : endpoint,
  ]);
  return { ...rest, NetworkingConfig: { ...config, EndpointsConfig: Object.fromEntries(adapted) } };
}

/** Body of `POST /containers/create`. @throws {invalid_argument} in Docker's words */
export function parseCreate(value: unknown, version: ApiVersion): ContainerCreateRequest {
  if (Array.isArray(value)) {
    throw refuse("invalid JSON: json: cannot unmarshal array into Go value of type runconfig.ContainerConfigWrapper");
  }
  if (typeof value !== "object" || value === null || Object.keys(value).length === 0) {
    throw refuse("config cannot be empty in order to create a container");
  }
  const request: Request = version < V1_44 ? withoutOwnMacAddress({ ...value }) : { ...value };
  const { Image = "", HostConfig: hostConfig } = request;
  if (typeof Image !== "string") {
    const kind = Array.isArray(Image) ? "array" : typeof Image === "boolean" ? "bool" : typeof Image;
    const field = "Go struct field ContainerConfigWrapper.Config.Image of type string";
    throw refuse(`invalid JSON: json: cannot unmarshal ${kind} into ${field}`);
  }
  if (hostConfig === undefined || hostConfig === null) return { ...request, Image };
  if (typeof hostConfig !== "object" || Array.isArray(hostConfig)) {
    const kind = Array.isArray(hostConfig) ? "array" : typeof hostConfig === "boolean" ? "bool" : typeof hostConfig;
    const field = "Go struct field ContainerConfigWrapper.HostConfig of type container.HostConfig";
    throw refuse(`invalid JSON: json: cannot unmarshal ${kind} into ${field}`);
  }
  return { ...request, Image, HostConfig: adapt({ ...hostConfig }, version) };
}
