import type { EventSink } from "#engineapi";
import type { Addressing } from "../catalog/addressing.ts";
import type { DefaultBridge } from "../catalog/defaultBridge.ts";
import type { NetworkIndex } from "../catalog/networkIndex.ts";
import type { Dataplane } from "../dataplane/dataplane.ts";
import type { DnsForwarder } from "../dns/forwarder.ts";
import type { Drivers } from "../drivers/drivers.ts";
import type { NetworkDefaults } from "../networkDefaults.ts";
import type { HostPorts } from "../ports/hostPorts.ts";
import type { NameTables } from "./names.ts";
import type { SandboxStore } from "./sandboxStore.ts";

/** What the parts of a sandbox share. */
export interface SandboxContext {
  readonly networks: NetworkIndex;
  readonly addressing: Addressing;
  readonly dataplane: Dataplane;
  readonly drivers: Drivers;
  readonly defaultBridge: DefaultBridge;
  readonly defaults: NetworkDefaults;
  readonly store: SandboxStore;
  readonly tables: NameTables;
  readonly hostPorts: HostPorts;
  readonly forwarder: DnsForwarder;
  readonly events: EventSink;
  readonly log: (level: "warn", line: string) => void;
  /** `<exec root>/netns` */
  readonly namespaces: string;
}
