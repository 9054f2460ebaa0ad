import { BlockList, isIP } from "node:net";
import { DEFAULT_DOMAIN } from "#oci";
import type { RegistryOptions } from "./registryClient.ts";

/** One place where a repository can be asked for. */
export interface Endpoint {
  /** Host and port as messages and certs.d know it. */
  readonly host: string;
  /** Base URLs to try in this order, without `/v2/`; a later one only when the one before does not speak its protocol. */
  readonly bases: readonly URL[];
  readonly isInsecure: boolean;
  readonly isMirror: boolean;
}

/** Host that serves Docker Hub. */
const HUB_HOST = "registry-1.docker.io";
const HUB_NAMES = new Set([DEFAULT_DOMAIN, "index.docker.io", HUB_HOST]);

/** Where docker.io is reached; other domains are their own host. */
function registryHost(domain: string): string {
  return HUB_NAMES.has(domain) ? HUB_HOST : domain;
}

/** `127.0.0.0/8`, `::1` and `localhost`. */
export function isLoopbackHost(hostname: string): boolean {
  const name = unbracket(hostname);
  return name === "localhost" || name === "::1" || (isIP(name) === 4 && name.startsWith("127."));
}

function unbracket(hostname: string): string {
  return hostname.startsWith("[") ? hostname.slice(1, -1) : hostname;
}

function isWithin(address: string, cidr: string): boolean {
  const [network, bits] = cidr.split("/");
  const family = isIP(address);
  if (network === undefined || bits === undefined || family === 0 || isIP(network) !== family) return false;
  const list = new BlockList();
  const type = family === 4 ? "ipv4" : "ipv6";
  list.addSubnet(network, Number(bits), type);
  return list.check(address, type);
}

/** True where plain HTTP and unverified certificates are allowed: loopback, listed hosts, listed networks (by address only). */
export function isInsecureHost(host: string, insecureRegistries: readonly string[]): boolean {
  const { hostname } = new URL(`http://${host}`);
  if (isLoopbackHost(hostname)) return true;
  const address = unbracket(hostname);
  return insecureRegistries.some((entry) => entry === host || entry === hostname || isWithin(address, entry));
}

function upstream(domain: string, options: RegistryOptions): Endpoint {
  const host = registryHost(domain);
  const isInsecure = isInsecureHost(host, options.insecureRegistries);
  const bases = [new URL(`https://${host}`), ...(isInsecure ? [new URL(`http://${host}`)] : [])];
  return { host, bases, isInsecure, isMirror: false };
}

function mirror(text: string, options: RegistryOptions): Endpoint {
  const url = new URL(text.endsWith("/") ? text.slice(0, -1) : text);
  const isInsecure = isInsecureHost(url.host, options.insecureRegistries);
  return { host: url.host, bases: [url], isInsecure, isMirror: true };
}

/** Endpoints of a domain in the order they are tried: mirrors first, for pulls only. */
export function endpointsOf(domain: string, scope: "pull" | "push", options: RegistryOptions): readonly Endpoint[] {
  const own = upstream(domain, options);
  if (scope === "push") return [own];
  const forHub = HUB_NAMES.has(domain) ? options.registryMirrors : [];
  const mirrors = [...(options.mirrorsByHost[domain] ?? []), ...forHub];
  return [...mirrors.map((text) => mirror(text, options)), own];
}
