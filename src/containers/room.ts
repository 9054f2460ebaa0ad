import { ContainerIndex } from "./containerIndex.ts";
import type { Container } from "./container.ts";
import type { ContainerServiceOptions } from "./createContainerService.ts";
import { Execs } from "./exec/execs.ts";
import { createExecRunner } from "./exec/execRunner.ts";
import { FileWorkers } from "./files/fileWorkers.ts";
import { HealthMonitors } from "./health/healthMonitors.ts";
import { Lifecycle } from "./lifecycle.ts";
import { ContainerMounts } from "./mounts/containerMounts.ts";
import { chooseRuntime } from "./runtime/chooseRuntime.ts";
import type { Runtime } from "./runtime/chooseRuntime.ts";
import { ExitWatch } from "./runtime/exitWatch.ts";
import { Layout } from "./runtime/paths.ts";
import { FilterCache } from "./seccomp/filterCache.ts";
import { Turns } from "./runtime/turns.ts";

const JOURNAL_SOCKET = "/run/systemd/journal/socket";

/** What every part of this room shares: made once, handed to the service of each role. */
export class ContainerRoom {
  readonly options: ContainerServiceOptions;
  readonly layout: Layout;
  readonly index: ContainerIndex = new ContainerIndex();
  readonly filters: FilterCache;
  readonly exits: ExitWatch;
  readonly health: HealthMonitors;
  readonly mounts: ContainerMounts;
  readonly lifecycle: Lifecycle;
  readonly execs: Execs;
  readonly fileWorkers: FileWorkers = new FileWorkers();
  /** For the synchronous steps of a start. */
  readonly turns: Turns = new Turns();
  readonly #chosen = new Map<string, Promise<Runtime>>();

  constructor(options: ContainerServiceOptions) {
    this.options = options;
    this.layout = new Layout(options.dataRoot, options.execRoot);
    this.filters = new FilterCache(this.layout.filters);
    this.exits = new ExitWatch(this.layout.exits);
    this.health = new HealthMonitors(options.log);
    this.mounts = new ContainerMounts({ ...options, leases: options.metadata.leases, pins: this.layout.pins });
    this.lifecycle = new Lifecycle({
      layout: this.layout,
      snapshots: options.snapshots,
      sandboxes: options.sandboxes,
      filters: this.filters,
      mounts: this.mounts,
      turns: this.turns,
      index: this.index,
      ulimits: options.ulimits ?? [],
      exits: this.exits,
      health: this.health,
      records: options.metadata.containers,
      atomically: (work) => options.metadata.transaction(work),
      runtime: (container) => this.runtimeOf(container),
      journalSocket: options.journalSocket ?? JOURNAL_SOCKET,
      log: options.log,
    });
    this.execs = new Execs(this);
    this.health.useRunner(createExecRunner(this.execs));
  }

  /** The program that runs a container. */
  runtimeOf({ document }: Container): Promise<Runtime> {
    return this.runtime(document.hostConfig.Runtime);
  }

  /** By the name that a request gave. Looked for again after a failure: the missing package may have been installed. */
  runtime(wanted: string): Promise<Runtime> {
    const known = this.#chosen.get(wanted);
    if (known !== undefined) return known;
    const chosen = chooseRuntime(wanted, (line) => this.options.log("info", line));
    this.#chosen.set(wanted, chosen);
    chosen.catch(() => this.#chosen.delete(wanted));
    return chosen;
  }
}
