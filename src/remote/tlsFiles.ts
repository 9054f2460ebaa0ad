import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { getCACertificates } from "node:tls";

/** What `node:https` takes. */
export interface TlsOptions {
  readonly ca?: string[];
  readonly cert?: string;
  readonly key?: string;
}

const DEFAULT_DIRECTORY = "/etc/docker/certs.d";

/** Docker's certs.d: `<host>/*.crt` are extra roots, `<name>.cert` with `<name>.key` is the client's certificate. */
export class TlsFiles {
  readonly #directory: string;

  constructor(directory: string = DEFAULT_DIRECTORY) {
    this.#directory = directory;
  }

  /**
   * `host` with its port, as in the reference. Roots of the system count too; they are read only where certificates are
   * verified, because reading them stops the process for some 40 ms.
   */
  async optionsFor(host: string, isVerified: boolean): Promise<TlsOptions> {
    const folder = join(this.#directory, host);
    const names = (await readdir(folder).catch(() => [])).toSorted((a, b) => a.localeCompare(b));
    const read = (name: string): Promise<string> => readFile(join(folder, name), "utf8");
    const client = names.find((name) => name.endsWith(".cert") && names.includes(keyOf(name)));
    return {
      ...(isVerified ? { ca: await withSystemRoots(names.filter((name) => name.endsWith(".crt")).map(read)) } : {}),
      ...(client === undefined ? {} : { cert: await read(client), key: await read(keyOf(client)) }),
    };
  }
}

async function withSystemRoots(own: readonly Promise<string>[]): Promise<string[]> {
  const known = [...getCACertificates("default"), ...getCACertificates("system")];
  return [...new Set([...known, ...(await Promise.all(own))])];
}

function keyOf(certificate: string): string {
  return `${certificate.slice(0, -".cert".length)}.key`;
}
