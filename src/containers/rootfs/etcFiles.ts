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

/** Makes a container's directory, with the one file of the three that does not depend on networks. */
export async function writeEtcFiles(directory: string, document: ContainerDocument): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o710 });
  await writeFile(etcFilesAt(directory).hostname, `${document.config.Hostname}\n`, { mode: 0o644 });
}
