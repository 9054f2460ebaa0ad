import { readFileSync, writeFileSync } from "node:fs";
import { badRequest } from "../networkError.ts";
import { isUserDefined } from "../networkRecord.ts";
import type { SandboxFacts } from "../networkService.ts";
import type { SandboxContext } from "./context.ts";
import { changeHosts, extraHosts, forgetLinks, ownNames, renderHosts } from "./hostsFile.ts";
import type { HostsEntry } from "./hostsFile.ts";
import { hostResolvConf, renderResolvConf } from "./resolvConf.ts";
import type { Endpoint, SandboxRecord } from "./sandboxRecord.ts";

const SHORT_ID = 12;

/** A container's own lines in /etc/hosts, one for each of its addresses. */
function ownEntries(facts: Pick<SandboxFacts, "hostname" | "domainname">, endpoint: Endpoint): readonly HostsEntry[] {
  const names = ownNames(facts.hostname, facts.domainname);
  return [endpoint.live?.ipv4, endpoint.live?.ipv6]
    .filter((entry) => entry !== undefined)
    .map(({ address }) => ({ address, names }));
}

/** Links of the default network: the alias, the container's hostname, its name. */
function linkEntries(context: SandboxContext, { name, links }: SandboxFacts): readonly HostsEntry[] {
  return links.map(({ containerId, alias }) => {
    const linked = context.store.get(containerId);
    const address = linked?.endpoints.find((endpoint) => endpoint.name === "bridge")?.live?.ipv4?.address;
    if (linked === undefined || !linked.open) {
      const target = linked?.containerName ?? containerId.slice(0, SHORT_ID);
      throw badRequest(`Cannot link to a non running container: /${target} AS /${name}/${alias}`);
    }
    if (address === undefined) {
      throw badRequest(`Cannot link to /${linked.containerName}, as it does not belong to the default network`);
    }
    const names = [...new Set([alias, linked.hostname, linked.containerName])].join(" ");
    return { address, names };
  });
}

/** What `host-gateway` means: the host on the default network, which is made for it. */
export function hostGateway(context: SandboxContext): string | undefined {
  if (context.defaults.hostGateway !== undefined) return context.defaults.hostGateway;
  if (context.networks.byName("bridge") === undefined)
    throw badRequest("unable to derive the IP value for host-gateway");
  const network = context.defaultBridge.open();
  context.drivers(network.driver)?.open(network);
  return network.pools[0]?.gateway;
}

function readHostFile(): string {
  try {
    return readFileSync("/etc/hosts", "utf8");
  } catch {
    return ""; // a host without the file
  }
}

/** Writes /etc/hosts of a run. */
export function writeHosts(context: SandboxContext, facts: SandboxFacts, endpoints: readonly Endpoint[]): void {
  const gateway = facts.extraHosts.some((text) => /[:=]host-gateway$/.test(text)) ? hostGateway(context) : undefined;
  const entries = [
    ...extraHosts(facts.extraHosts, gateway),
    ...linkEntries(context, facts),
    ...endpoints.flatMap((endpoint) => ownEntries(facts, endpoint)),
  ];
  const text = facts.mode === "host" ? renderHosts(entries, readHostFile()) : renderHosts(entries);
  writeFileSync(facts.hostsFile, text, { mode: 0o644 });
}

/** After a network was joined or left while the container runs: only its own lines change. */
export function updateHosts(
  facts: Pick<SandboxFacts, "hostname" | "domainname" | "hostsFile">,
  change: { readonly joined?: Endpoint; readonly left?: Endpoint },
): void {
  changeHosts(facts.hostsFile, {
    add: change.joined === undefined ? [] : ownEntries(facts, change.joined),
    remove: change.left === undefined ? [] : ownEntries(facts, change.left),
  });
}

/** After a linked container has started again, perhaps at another address. */
export function updateLinks(context: SandboxContext, facts: SandboxFacts): void {
  const links = facts.links.filter(({ containerId }) => context.store.get(containerId)?.open === true);
  forgetLinks(
    facts.hostsFile,
    links.map(({ alias }) => alias),
  );
  changeHosts(facts.hostsFile, { add: linkEntries(context, { ...facts, links }) });
}

/** True for a sandbox whose names our own server answers. */
export function needsDns(context: SandboxContext, endpoints: readonly Endpoint[]): boolean {
  return endpoints.some(({ networkId, live }) => {
    const network = live === undefined ? undefined : context.networks.byId(networkId);
    return network !== undefined && isUserDefined(network);
  });
}

/** The text of /etc/resolv.conf for a container. */
export function resolvConfOf(context: SandboxContext, facts: SandboxFacts, endpoints: readonly Endpoint[]): string {
  const kind = facts.mode === "host" ? "host" : needsDns(context, endpoints) ? "internal" : "legacy";
  const own = { servers: facts.dns, search: facts.dnsSearch, options: facts.dnsOptions };
  return renderResolvConf(kind, own, hostResolvConf());
}

/** Brings /etc/resolv.conf of a running container up to date unless somebody edited it. Returns what we wrote last. */
export function updateResolvConf(sandbox: SandboxRecord, text: string): string {
  if (readFileSync(sandbox.resolvConfFile, "utf8") !== sandbox.resolvConf) return sandbox.resolvConf;
  if (text !== sandbox.resolvConf) writeFileSync(sandbox.resolvConfFile, text);
  return text;
}
