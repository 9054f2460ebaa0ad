import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import { BulkAgent } from "./bulkAgent.ts";
import { isLoopbackHost } from "./endpoints.ts";
import type { TlsFiles } from "./tlsFiles.ts";

/** Which kind of connection is wanted. */
export interface ConnectionKind {
  readonly isInsecure: boolean;
  readonly isBulk: boolean;
}

const KEEP_ALIVE = { keepAlive: true, keepAliveMsecs: 30_000, maxFreeSockets: 16, timeout: 0 } as const;

/** Keep-alive agents: one for plain HTTP, one for each TLS host, because certificates differ by host. */
export class AgentPool {
  readonly #tlsFiles: TlsFiles;
  readonly #agents: Map<string, Promise<HttpAgent>> = new Map();

  readonly #bulk: BulkAgent = new BulkAgent({ keepAlive: false });

  constructor(tlsFiles: TlsFiles) {
    this.#tlsFiles = tlsFiles;
  }

  agentFor(url: URL, kind: ConnectionKind): Promise<HttpAgent> {
    const isTls = url.protocol === "https:";
    const proxy = isLoopbackHost(url.hostname) ? {} : { proxyEnv: process.env };
    const isDirect = !isTls && kind.isBulk && (isLoopbackHost(url.hostname) || !hasProxy(process.env));
    if (isDirect) return Promise.resolve(this.#bulk);
    const key = isTls ? `${url.host} ${kind.isInsecure}` : `http ${isLoopbackHost(url.hostname)}`;
    const known = this.#agents.get(key);
    if (known !== undefined) return known;
    const made = isTls
      ? this.#tlsFiles
          .optionsFor(url.host, !kind.isInsecure)
          .then((tls) => new HttpsAgent({ ...KEEP_ALIVE, ...proxy, ...tls, rejectUnauthorized: !kind.isInsecure }))
      : Promise.resolve(new HttpAgent({ ...KEEP_ALIVE, ...proxy }));
    this.#agents.set(key, made);
    made.catch(() => this.#agents.delete(key)); // unreadable certificates may be mended meanwhile
    return made;
  }

  async close(): Promise<void> {
    for (const made of this.#agents.values()) (await made.catch(() => undefined))?.destroy();
    this.#agents.clear();
    this.#bulk.destroy();
  }
}

function hasProxy(environment: NodeJS.ProcessEnv): boolean {
  return (environment["http_proxy"] ?? environment["HTTP_PROXY"] ?? "") !== "";
}
