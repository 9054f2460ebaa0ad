import type { DocumentRecords } from "#metadata";
import { parseSandboxRecord } from "./sandboxRecord.ts";
import type { Endpoint, LiveEndpoint, SandboxRecord } from "./sandboxRecord.ts";

/** An endpoint that is up, and whose it is. */
export interface Member {
  readonly sandbox: SandboxRecord;
  readonly endpoint: Endpoint & { readonly live: LiveEndpoint };
}

const isLive = (endpoint: Endpoint): endpoint is Endpoint & { readonly live: LiveEndpoint } =>
  endpoint.live !== undefined;

/** All sandboxes by container; every change is recorded before anyone hears of it. */
export class SandboxStore {
  readonly #records: DocumentRecords;
  readonly #sandboxes = new Map<string, SandboxRecord>();
  readonly #onChange: (networkIds: ReadonlySet<string>) => void;

  /** `onChange` hears which networks have other members now. */
  constructor(records: DocumentRecords, onChange: (networkIds: ReadonlySet<string>) => void) {
    this.#records = records;
    this.#onChange = onChange;
    for (const { document } of records.list()) {
      const sandbox = parseSandboxRecord(document);
      this.#sandboxes.set(sandbox.containerId, sandbox);
    }
  }

  get(containerId: string): SandboxRecord | undefined {
    return this.#sandboxes.get(containerId);
  }

  all(): readonly SandboxRecord[] {
    return [...this.#sandboxes.values()];
  }

  put(sandbox: SandboxRecord): void {
    const before = this.#sandboxes.get(sandbox.containerId);
    this.#records.put({ id: sandbox.containerId, document: JSON.stringify(sandbox) });
    this.#sandboxes.set(sandbox.containerId, sandbox);
    this.#changed(before, sandbox);
  }

  remove(containerId: string): void {
    const before = this.#sandboxes.get(containerId);
    if (before === undefined) return;
    this.#records.remove(containerId);
    this.#sandboxes.delete(containerId);
    this.#changed(before, undefined);
  }

  #changed(...sandboxes: readonly (SandboxRecord | undefined)[]): void {
    const ids = sandboxes.flatMap((sandbox) => sandbox?.endpoints ?? []).map(({ networkId }) => networkId);
    this.#onChange(new Set(ids));
  }

  /** Endpoints of a network that are up. */
  members(networkId: string): readonly Member[] {
    return this.all().flatMap((sandbox) =>
      sandbox.endpoints
        .filter(isLive)
        .filter((endpoint) => endpoint.networkId === networkId)
        .map((endpoint) => ({ sandbox, endpoint })),
    );
  }
}
