import { EngineError, ErrorCode, messageOf } from "#errors";
import type { SandboxFacts, SandboxLink, SandboxService } from "#networks";
import type { Container } from "../container.ts";
import { wrongState } from "../containerError.ts";
import type { ContainerIndex } from "../containerIndex.ts";
import type { ContainerDocument } from "../document.ts";
import type { HostConfig } from "../request/hostConfig.ts";
import { etcFilesAt } from "../rootfs/etcFiles.ts";
import { linkEnvironment } from "./linkEnvironment.ts";

const CONTAINER_MODE = /^container:(.+)$/;

/** The container whose network a mode shares; undefined for every other mode. @throws {not_found} */
export function sharedContainer(mode: string, index: ContainerIndex): Container | undefined {
  const reference = CONTAINER_MODE.exec(mode)?.[1];
  return reference === undefined ? undefined : index.get(reference);
}

function findContainer(reference: string, index: ContainerIndex): Container | undefined {
  try {
    return index.get(reference);
  } catch {
    return undefined; // gone
  }
}

/** The same, undefined too when that container is gone. */
export function findShared(mode: string, index: ContainerIndex): Container | undefined {
  const reference = CONTAINER_MODE.exec(mode)?.[1];
  return reference === undefined ? undefined : findContainer(reference, index);
}

const onDefaultNetwork = (mode: string): boolean => ["default", "bridge"].includes(mode);

/** `container:alias` by the container's id, so that a link outlives a rename. @throws {invalid_argument} in Docker's words */
export function pinLinks({ NetworkMode, Links }: HostConfig, index: ContainerIndex): readonly string[] | null {
  // Without a network they have no effect, but dockerd looks them up all the same.
  if (Links === null || !(onDefaultNetwork(NetworkMode) || NetworkMode === "none")) return Links;
  return Links.map((link) => {
    const [reference = "", alias = reference] = link.split(":", 2);
    try {
      return `${index.get(reference).id}:${alias}`;
    } catch (cause) {
      const message = `could not get container for ${reference}: ${messageOf(cause)}`;
      throw new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, message, { cause });
    }
  });
}

/** `HostConfig.Links` as inspect shows it, `/db:/web/alias`, without those to containers that are gone. */
export function shownLinks({ document }: Container, index: ContainerIndex): readonly string[] | null {
  const shown = (document.hostConfig.Links ?? []).flatMap((link) => {
    const [reference = "", alias = reference] = link.split(":", 2);
    const target = findContainer(reference, index);
    return target === undefined ? [] : [`/${target.document.name}:/${document.name}/${alias.replace(/^.*\//, "")}`];
  });
  return shown.length === 0 ? null : shown;
}

/** The variables of all legacy links; their containers run. */
export function linkVariables(
  container: Container,
  index: ContainerIndex,
  sandboxes: Pick<SandboxService, "settings">,
): readonly string[] {
  return linksOf(container.document, index).flatMap(({ containerId, alias }) => {
    const { config } = index.get(containerId).document;
    return linkEnvironment({
      alias,
      ownName: container.document.name,
      address: sandboxes.settings(containerId).Networks["bridge"]?.IPAddress ?? "",
      exposed: Object.keys(config.ExposedPorts ?? {}),
      environment: config.Env ?? [],
    });
  });
}

/** `container:alias` of the default network; on others links are endpoint settings. */
function linksOf({ hostConfig }: ContainerDocument, index: ContainerIndex): readonly SandboxLink[] {
  if (!onDefaultNetwork(hostConfig.NetworkMode)) return [];
  return (hostConfig.Links ?? []).flatMap((link) => {
    const [reference = "", alias = reference] = link.split(":", 2);
    const target = findContainer(reference, index);
    return target === undefined ? [] : [{ containerId: target.id, alias: alias.replace(/^.*\//, "") }];
  });
}

function modeOf({ config, hostConfig }: ContainerDocument): string {
  if (config.NetworkDisabled === true) return "none";
  return hostConfig.NetworkMode === "default" ? "bridge" : hostConfig.NetworkMode;
}

/** What the networks room needs to know of a container. */
export function networkFacts({ document, paths }: Container, index: ContainerIndex): SandboxFacts {
  const { config, hostConfig } = document;
  const etc = etcFilesAt(paths.directory);
  return {
    containerId: document.id,
    name: document.name,
    hostname: config.Hostname,
    domainname: config.Domainname,
    mode: modeOf(document),
    exposed: Object.keys(config.ExposedPorts ?? {}),
    bindings: hostConfig.PortBindings,
    publishAll: hostConfig.PublishAllPorts,
    dns: hostConfig.Dns,
    dnsOptions: hostConfig.DnsOptions,
    dnsSearch: hostConfig.DnsSearch,
    extraHosts: hostConfig.ExtraHosts ?? [],
    links: linksOf(document, index),
    hostsFile: etc.hosts,
    resolvConfFile: etc.resolvConf,
  };
}

/** A shared network must be there. @throws {conflict} `cannot join network of a non running container: x` */
export function checkShared(document: ContainerDocument, index: ContainerIndex): void {
  const other = sharedContainer(document.hostConfig.NetworkMode, index);
  if (other !== undefined && !other.isRunning) {
    throw wrongState(`cannot join network of a non running container: ${other.id}`);
  }
}

const conflict = (what: string): EngineError =>
  new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, `conflicting options: ${what}`);

/**
 * What makes no sense in another container's network, or on the host's.
 * @throws {invalid_argument} in Docker's words
 */
export function checkNetworkMode(
  { hostConfig }: ContainerDocument,
  asked: { readonly hostname: string; readonly exposes: boolean; readonly addressOn: string | undefined },
): void {
  const mode = hostConfig.NetworkMode;
  const shared = mode.startsWith("container:");
  if (!shared && mode !== "host") return;
  if (asked.hostname !== "" && shared) throw conflict("hostname and the network mode");
  if ((hostConfig.Links ?? []).length > 0) {
    throw conflict(
      shared
        ? "container type network can't be used with links. This would result in undefined behavior"
        : "host type networking can't be used with links. This would result in undefined behavior",
    );
  }
  if (!shared) return;
  if (hostConfig.Dns.length > 0) throw conflict("dns and the network mode");
  if ((hostConfig.ExtraHosts ?? []).length > 0) throw conflict("custom host-to-IP mapping and the network mode");
  if (Object.keys(hostConfig.PortBindings).length > 0 || hostConfig.PublishAllPorts) {
    throw conflict("port publishing and the container type network mode");
  }
  if (asked.addressOn !== undefined) {
    const fault = "invalid endpoint settings:\nuser specified IP address is supported on user defined networks only";
    throw new EngineError(
      "invalid_argument",
      ErrorCode.BAD_REQUEST,
      `invalid config for network ${asked.addressOn}: ${fault}`,
    );
  }
  if (asked.exposes) throw conflict("port exposing and the container type network mode");
}
