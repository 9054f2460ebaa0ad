import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import { EngineError, ErrorCode } from "#errors";
import type { EndpointConfig } from "#engineapi";
import type { FoundImage } from "#images";
import type { ContainerDefaults } from "#oci";
import type { ContainerIndex } from "./containerIndex.ts";
import type { ContainerCreateRequest } from "./containerService.ts";
import { invalidName } from "./containerError.ts";
import { INITIAL_STATE, timestamp } from "./document.ts";
import type { ContainerDocument } from "./document.ts";
import { checkNetworkMode, findShared, pinLinks } from "./networking/networkFacts.ts";
import { mergeConfig } from "./request/containerConfig.ts";
import { parseHostConfig } from "./request/hostConfig.ts";
import type { HostConfig } from "./request/hostConfig.ts";
import { pinNamespaceModes } from "./request/hostModes.ts";
import { kernelSupport } from "./request/kernelSupport.ts";
import { checkResources } from "./request/resourceChecks.ts";
import { Fields } from "./request/fields.ts";
import { parseEndpoints } from "./request/networkRequest.ts";
import { findInitProgram } from "./runtime/initProgram.ts";
import { findSignal } from "./signals.ts";
import { capabilitiesOf } from "./spec/runtimeSpec.ts";

/** What a container is made of. */
export interface ContainerBase extends Pick<FoundImage, "diffIds" | "chainId"> {
  /** Empty: of nothing. */
  readonly imageId: FoundImage["imageId"] | "";
  readonly defaults: ContainerDefaults;
  /** What its user should know of it. */
  readonly warnings: readonly string[];
}

/** No layer and no defaults: what the mounts do not bring is not there. */
export const NOTHING: ContainerBase = { imageId: "", diffIds: [], chainId: undefined, defaults: {}, warnings: [] };

/** A new container, not yet recorded, and what its user should know. */
export interface NewContainer {
  readonly document: ContainerDocument;
  /** What was asked of each network's endpoint, by the network's name or id. */
  readonly endpoints: Readonly<Record<string, EndpointConfig>>;
  readonly warnings: readonly string[];
}

const ID_BYTES = 32;
const SHORT_ID = 12;

/** `/name` or `name`; `shown` is what the message names. @throws {invalid_argument} in Docker's words */
export function parseName(text: string, shown: string = text.replace(/^\//, "")): string {
  const name = text.replace(/^\//, "");
  if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/.test(name)) throw invalidName(shown);
  return name;
}

const textOf = (value: unknown): string => (typeof value === "string" ? value : "");

function warningsOf(request: ContainerCreateRequest, hostConfig: HostConfig): readonly string[] {
  return [
    ...(textOf(request["MacAddress"]) === ""
      ? []
      : ["The container-wide MacAddress field is now deprecated. It should be specified in EndpointsConfig instead."]),
    ...((request.HostConfig?.["CpuPercent"] ?? 0) === 0
      ? []
      : ["linux does not support CPU percent. Percent discarded."]),
    ...(hostConfig.NetworkMode === "host" && Object.keys(hostConfig.PortBindings).length > 0
      ? ["Published ports are discarded when using host network mode"]
      : []),
  ];
}

type Endpoints = NewContainer["endpoints"];

const ownEndpoint = (endpoints: Endpoints, mode: string): EndpointConfig =>
  endpoints[mode] ?? (mode === "bridge" ? endpoints["default"] : undefined) ?? {};

/**
 * What is asked of each endpoint; a container's own MAC address is that of its first network.
 * @throws {invalid_argument} when that one is to have another
 */
function endpointsOf(request: ContainerCreateRequest, mode: string): Endpoints {
  const endpoints = parseEndpoints(request["NetworkingConfig"]);
  const MacAddress = new Fields(request, "Config").text("MacAddress");
  if (MacAddress === "" || mode === "host" || mode === "none" || mode.startsWith("container:")) return endpoints;
  const own = ownEndpoint(endpoints, mode);
  if (!["", MacAddress].includes(own.MacAddress ?? "")) {
    const message =
      "the container-wide MAC address must match the endpoint-specific MAC address for the main network, or be left empty";
    throw new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, message);
  }
  return { ...endpoints, [mode]: { ...own, MacAddress } };
}

function hasAddress({ IPAMConfig }: Endpoints[string]): boolean {
  return (IPAMConfig?.IPv4Address ?? "") !== "" || (IPAMConfig?.IPv6Address ?? "") !== "";
}

/** Refused now rather than at start: what cannot be right later. */
function check(document: ContainerDocument): void {
  const { config, hostConfig } = document;
  capabilitiesOf(hostConfig);
  if (hostConfig.Init) findInitProgram();
  const { StopSignal = "SIGTERM" } = config;
  // Any number is taken: it fails once it is sent.
  if (!/^[1-9]\d*$/.test(StopSignal) && findSignal(StopSignal) === undefined) {
    throw new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, `invalid signal: ${StopSignal}`);
  }
}

/** What a new container comes into. */
export interface Surroundings {
  readonly name: string;
  readonly index: ContainerIndex;
  readonly hasDefaultNetwork: boolean;
}

/**
 * Request and what it is made of → container. Nothing is written.
 * @throws {not_implemented} naming an option that is not supported, {invalid_argument} in Docker's words
 */
export function newContainer(
  request: ContainerCreateRequest,
  base: ContainerBase,
  { name, index, hasDefaultNetwork }: Surroundings,
): NewContainer {
  const parsed = pinNamespaceModes(parseHostConfig(request.HostConfig), index);
  // One that is not there is missed by the start, as in Docker.
  const shared = findShared(parsed.NetworkMode, index);
  const asked = shared === undefined ? parsed : { ...parsed, NetworkMode: `container:${shared.id}` };
  const { hostConfig: checked, warnings } = checkResources(asked, kernelSupport());
  const hostConfig = { ...checked, Links: pinLinks(checked, index) };
  if (hostConfig.UTSMode === "host" && (request.Hostname ?? "") !== "") {
    throw new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, "conflicting options: hostname and the UTS mode");
  }
  const id = randomBytes(ID_BYTES).toString("hex");
  const ownHostname =
    hostConfig.NetworkMode === "host" ? hostname() : (shared?.document.config.Hostname ?? id.slice(0, SHORT_ID));
  const endpoints = endpointsOf(request, hostConfig.NetworkMode);
  const { MacAddress = "" } = ownEndpoint(endpoints, hostConfig.NetworkMode);
  const config = mergeConfig(request, base.defaults, ownHostname);
  const document: ContainerDocument = {
    version: 1,
    id,
    name,
    imageId: base.imageId,
    created: timestamp(),
    config: {
      ...config,
      ...(MacAddress === "" ? {} : { MacAddress }),
      ...(hostConfig.NetworkMode === "bridge" && !hasDefaultNetwork ? { NetworkDisabled: true } : {}),
    },
    hostConfig,
    mountPoints: [],
    state: INITIAL_STATE,
  };
  check(document);
  checkNetworkMode(document, {
    hostname: request.Hostname ?? "",
    exposes: Object.keys(Object(request["ExposedPorts"])).length > 0,
    addressOn: Object.values(endpoints).some(hasAddress) ? parsed.NetworkMode : undefined,
  });
  const joined = document.config.NetworkDisabled === true ? {} : endpoints;
  return { document, endpoints: joined, warnings: [...warnings, ...warningsOf(request, hostConfig)] };
}
