import { readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { ContainerDocument } from "../document.ts";

/** Where the files lie that a container sees as /etc/hosts, /etc/hostname and /etc/resolv.conf. */
export interface EtcFiles {
  readonly hosts: string;
  readonly hostname: string;
  readonly resolvConf: string;
}

export function etcFilesAt(directory: string): EtcFiles {
  return {
    hosts: join(directory, "hosts"),
    hostname: join(directory, "hostname"),
    resolvConf: join(directory, "resolv.conf"),
  };
}

const LOCALHOST = `127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
fe00::0\tip6-localnet
ff00::0\tip6-mcastprefix
ff02::1\tip6-allnodes
ff02::2\tip6-allrouters
`;

function readHost(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return ""; // a host without the file
  }
}

/** `name:address`; `host-gateway` needs a bridge and is left out until there is one. */
function extraHosts(entries: readonly string[]): string {
  return entries
    .map((entry) => /^([^:=]+)[:=](.+)$/.exec(entry))
    .map((match) => (match === null ? "" : `${match[2] ?? ""}\t${match[1] ?? ""}\n`))
    .join("");
}

function resolvConf({ hostConfig }: ContainerDocument): string {
  const { Dns, DnsSearch, DnsOptions } = hostConfig;
  const lines = readHost("/etc/resolv.conf")
    .split("\n")
    .filter((line) => /^\s*(nameserver|search|domain|options)\s/.test(line))
    .filter((line) => Dns.length === 0 || !/^\s*nameserver/.test(line))
    .filter((line) => DnsSearch.length === 0 || !/^\s*(search|domain)/.test(line))
    .filter((line) => DnsOptions.length === 0 || !/^\s*options/.test(line));
  const own = [
    ...Dns.map((server) => `nameserver ${server}`),
    ...(DnsSearch.length === 0 ? [] : [`search ${DnsSearch.join(" ")}`]),
    ...(DnsOptions.length === 0 ? [] : [`options ${DnsOptions.join(" ")}`]),
  ];
  return `# Made by varve from the host's /etc/resolv.conf; it may be edited.\n\n${[...own, ...lines].join("\n")}\n`;
}

/** Writes the three files; a container that was started before keeps its own. */
export async function writeEtcFiles(directory: string, document: ContainerDocument): Promise<void> {
  const files = etcFilesAt(directory);
  const { hostConfig } = document;
  const hosts = hostConfig.NetworkMode === "host" ? readHost("/etc/hosts") : LOCALHOST;
  await mkdir(directory, { recursive: true, mode: 0o710 });
  await Promise.all([
    writeFile(files.hosts, hosts + extraHosts(hostConfig.ExtraHosts ?? []), { mode: 0o644 }),
    writeFile(files.hostname, `${document.config.Hostname}\n`, { mode: 0o644 }),
    writeFile(files.resolvConf, resolvConf(document), { mode: 0o644 }),
  ]);
}
