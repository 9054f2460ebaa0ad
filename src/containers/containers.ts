import { constants } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { EngineError, ErrorCode, messageOf } from "#errors";
import { warmCgroups } from "#host";
import type { SandboxFacts } from "#networks";
import type { Digest, Platform } from "#oci";
import { attachTo } from "./attach.ts";
import { Container } from "./container.ts";
import { nameInUse, refuseRemoval, wrongState } from "./containerError.ts";
import type { ContainerIndex } from "./containerIndex.ts";
import type {
  AttachOptions,
  Attachment,
  ContainerCreateRequest,
  ContainerService,
  ListOptions,
  LogOptions,
  WaitCondition,
  WaitResult,
} from "./containerService.ts";
import { NOTHING, newContainer, parseName } from "./createContainer.ts";
import type { ContainerBase } from "./createContainer.ts";
import type { ContainerServiceOptions } from "./createContainerService.ts";
import { parseDocument } from "./document.ts";
import { findShared, networkFacts, shownLinks } from "./networking/networkFacts.ts";
import { unlinkContainer } from "./networking/unlink.ts";
import { withDefaults } from "./request/daemonDefaults.ts";
import type { Lifecycle } from "./lifecycle.ts";
import { listContainers, sizesOf } from "./listContainers.ts";
import type { MountPoint } from "./mounts/mountPoint.ts";
import { logDetails } from "./output/logAttributes.ts";
import { keepsLog } from "./output/logDriver.ts";
import { readLogs } from "./output/readLogs.ts";
import { randomName } from "./request/randomName.ts";
import type { ContainerRoom } from "./room.ts";
import { writeEtcFiles } from "./rootfs/etcFiles.ts";
import { INIT_ENTRIES } from "./rootfs/initEntries.ts";
import type { Runtime } from "./runtime/chooseRuntime.ts";
import { isAlive } from "./runtime/monitor.ts";
import { shownAppArmorProfile } from "./apparmor/defaultProfile.ts";
import { seccompFor } from "./seccomp/chooseProfile.ts";
import { clearLeftRun } from "./runtime/leftRun.ts";
import { inspectContainer } from "./view/inspect.ts";
import { platformWarnings } from "./platformWarnings.ts";

/** The room's service: looks containers up and hands them to what does the work. */
export class Containers implements ContainerService {
  readonly #room: ContainerRoom;
  readonly #options: ContainerServiceOptions;
  readonly #index: ContainerIndex;
  readonly #lifecycle: Lifecycle;

  constructor(room: ContainerRoom) {
    this.#room = room;
    this.#options = room.options;
    this.#index = room.index;
    this.#lifecycle = room.lifecycle;
  }

  async create(
    asked: ContainerCreateRequest,
    name?: string,
    platform?: Platform,
  ): Promise<{ readonly Id: string; readonly Warnings: readonly string[] }> {
    const { defaults } = this.#options;
    const request = defaults === undefined ? asked : withDefaults(asked, defaults);
    const base = await this.#base(request.Image, platform);
    const runtime = await this.#room.runtime(requestedRuntime(request));
    const { document, endpoints, warnings } = newContainer(request, base, {
      name: this.#chooseName(name),
      index: this.#index,
      hasDefaultNetwork: this.#options.sandboxes.hasDefaultNetwork,
    });
    const { mounts } = this.#room;
    const container = this.#adopt({ ...document, unfinished: true });
    try {
      this.#options.metadata.transaction(() => {
        this.#options.sandboxes.declare(networkFacts(container, this.#index), endpoints);
        this.#record(container);
      });
      const [mountPoints] = await allOrNone([
        mounts.register(document, (other) => this.#mountsOf(other)),
        this.#options.snapshots.prepare(container.id, base.chainId, INIT_ENTRIES),
        writeEtcFiles(container.paths.directory, document),
      ]);
      await mounts.populate({ ...document, mountPoints }, base.diffIds);
      container.finish(mountPoints);
      mounts.settle(container.id);
    } catch (error) {
      await this.#discard(container);
      throw error;
    }
    this.#prepareStart(container, runtime);
    container.emit("create");
    return { Id: container.id, Warnings: [...warnings, ...base.warnings] };
  }

  /** Without an image a container is made of nothing, as in Docker. */
  async #base(name: string, platform: Platform | undefined): Promise<ContainerBase> {
    if (name === "") return NOTHING;
    const { imageId, diffIds, chainId, config } = await this.#options.images.lookup(name, platform);
    const warnings = platform === undefined ? platformWarnings(config) : [];
    return { imageId, diffIds, chainId, defaults: config.config ?? {}, warnings };
  }

  /** A sweep that marked before this record was there learns of the top that comes next by a lease. */
  #record(container: Container): void {
    const { metadata } = this.#options;
    metadata.transaction(() => {
      const lease = metadata.leases.create({ purpose: `create container ${container.id}`, ephemeral: true });
      metadata.leases.add(lease.id, { kind: "snapshot", name: container.id });
      container.save();
      metadata.leases.delete(lease.id);
    });
  }

  async start(reference: string): Promise<void> {
    await this.#lifecycle.start(this.#index.get(reference));
  }

  async attach(reference: string, options: AttachOptions): Promise<Attachment> {
    return attachTo(this.#index.get(reference), options, reference);
  }

  wait(reference: string, condition: WaitCondition, signal?: AbortSignal): Promise<WaitResult> {
    return Promise.try(() => {
      const container = this.#index.get(reference);
      if (condition === "not-running" && !container.isActive) return { StatusCode: container.state.exitCode };
      return container.waiters.wait(condition === "removed" ? "removed" : "exit", signal);
    });
  }

  async resize(reference: string, rows: number, columns: number): Promise<void> {
    const container = this.#index.get(reference);
    if (!container.isRunning) throw wrongState(`container ${container.id} is not running`);
    const flag = constants.O_WRONLY | constants.O_NONBLOCK;
    await writeFile(container.paths.control, `1 ${rows} ${columns}\n`, { flag });
    container.emit("resize", { height: String(rows), width: String(columns) });
  }

  async remove(reference: string, options: { readonly force: boolean; readonly volumes: boolean }): Promise<void> {
    const container = this.#index.get(reference);
    if (container.isActive && !options.force) throw refuseRemoval(container);
    const { volumes } = options;
    if (options.force) await this.#lifecycle.forceRemove(container, { volumes });
    else await this.#lifecycle.remove(container, { volumes });
  }

  async unlink(reference: string): Promise<void> {
    unlinkContainer(this.#index.get(reference), reference, { index: this.#index, sandboxes: this.#options.sandboxes });
  }

  async inspect(
    reference: string,
    options: { readonly size?: boolean } = {},
  ): Promise<Readonly<Record<string, unknown>>> {
    const container = this.#index.get(reference);
    const { snapshots, sandboxes } = this.#options;
    const { NetworkMode, Runtime } = container.document.hostConfig;
    const Data = await snapshots.graphDriverData(container.id);
    const { name } = await this.#room.runtime(Runtime);
    return inspectContainer(container, {
      graphDriver: { Data, Name: snapshots.driver.name },
      runtimeName: name,
      ...(options.size === true ? { sizes: await sizesOf(container, this.#options) } : {}),
      network: sandboxes.settings(container.id),
      links: shownLinks(container, this.#index),
      defaultAppArmor: await shownAppArmorProfile(),
      etcDirectory: (findShared(NetworkMode, this.#index) ?? container).paths.directory,
    });
  }

  list(options: ListOptions): Promise<readonly Readonly<Record<string, unknown>>[]> {
    return listContainers(this.#index, options, this.#options);
  }

  async *logs(reference: string, options: LogOptions): AsyncGenerator<Uint8Array> {
    const container = this.#index.get(reference);
    const { hostConfig, config } = container.document;
    if (!keepsLog(hostConfig.LogConfig)) {
      const message = "configured logging driver does not support reading";
      throw new EngineError("not_implemented", ErrorCode.NOT_IMPLEMENTED, message);
    }
    const { details, ...wanted } = options;
    const format = details === true ? { details: logDetails(container.document) } : {};
    const hub = options.follow && container.isRunning ? container.hub : undefined;
    yield* readLogs(container.log, { ...wanted, ...format, framed: !config.Tty }, hub);
  }

  counts(): { readonly running: number; readonly paused: number; readonly stopped: number } {
    const all = [...this.#index];
    const paused = all.filter((container) => container.isPaused).length;
    const running = all.filter((container) => container.isActive).length - paused;
    return { running, paused, stopped: all.length - running - paused };
  }

  usersOf(imageId: Digest): readonly { readonly id: string; readonly running: boolean }[] {
    return this.#index
      .newestFirst()
      .filter(({ document }) => uses(document, imageId))
      .map(({ id, isActive }) => ({ id, running: isActive }));
  }

  async reconcile(): Promise<void> {
    void warmCgroups(); // what an earlier daemon left hurried when it was killed is over with this
    const { metadata, log } = this.#options;
    const report = (id: string, error: unknown): void => log("error", `container ${id}: ${messageOf(error)}`);
    const unfinished: Container[] = [];
    for (const { id, document } of metadata.containers.list()) {
      try {
        const container = this.#adopt(parseDocument(document));
        if (container.document.unfinished === true) unfinished.push(container);
      } catch (error) {
        report(id, error);
      }
    }
    const whole = [...this.#index].filter(({ document }) => document.unfinished !== true);
    await this.#room.mounts.reconcile(whole.map(({ document }) => document));
    // After it: a volume that one of these made may by now be another container's.
    for (const container of unfinished) {
      await this.#discard(container).catch((error: unknown) => report(container.id, error));
    }
    await this.#options.sandboxes.reconcile(this.#livingFacts());
    await this.#sweepRuns();
    for (const container of Array.from(this.#index)) {
      await this.#lifecycle.takeUp(container).catch((error: unknown) => report(container.id, error));
    }
    await this.#room.runtime("").catch((error: unknown) => log("warn", `containers cannot run: ${messageOf(error)}`));
  }

  /** Containers whose process goes on; those that just end are closed by their exit. */
  #livingFacts(): ReadonlyMap<string, SandboxFacts> {
    const living = [...this.#index].filter(({ state }) => isAlive(state.init));
    return new Map(living.map((container) => [container.id, networkFacts(container, this.#index)]));
  }

  async close(): Promise<void> {
    this.#room.health.close();
    this.#room.exits[Symbol.dispose]();
    for (const container of this.#index) container.hub.end();
  }

  /** Runs of containers that are no more: the daemon died while it removed them. */
  async #sweepRuns(): Promise<void> {
    const { layout } = this.#room;
    const known = new Set([...this.#index].map(({ id }) => id));
    const unknown = layout.runs().filter((id) => !known.has(id));
    if (unknown.length === 0) return;
    const runtime = await this.#room.runtime("");
    for (const id of unknown) await clearLeftRun(id, layout.at(id), { layout, runtime });
  }

  #adopt(document: Container["document"]): Container {
    const { metadata, events } = this.#options;
    const container = new Container(document, this.#room.layout.at(document.id), {
      records: metadata.containers,
      events,
    });
    this.#index.add(container);
    return container;
  }

  /** @throws {invalid_argument} not {not_found}, which clients take for a missing image */
  #mountsOf(reference: string): readonly MountPoint[] {
    try {
      return this.#index.get(reference).document.mountPoints;
    } catch (error) {
      throw new EngineError("invalid_argument", ErrorCode.CONTAINER_NOT_FOUND, messageOf(error), { cause: error });
    }
  }

  async #discard(container: Container): Promise<void> {
    this.#index.remove(container);
    this.#options.sandboxes.forget(container.id);
    this.#options.metadata.containers.remove(container.id);
    await this.#room.mounts.discard(container.id);
    await this.#options.snapshots.remove(container.id);
    await rm(container.paths.directory, { recursive: true, force: true });
  }

  #chooseName(asked: string | undefined): string {
    if (asked === undefined) return randomName((name) => this.#index.findByName(name) !== undefined);
    const name = parseName(asked);
    const owner = this.#index.findByName(name);
    if (owner !== undefined) throw nameInUse(name, owner.id);
    return name;
  }

  /** A client that creates is about to start: what a start would wait for begins now, behind the answer. */
  #prepareStart(container: Container, runtime: Runtime): void {
    void warmCgroups();
    setImmediate(() => {
      try {
        seccompFor(container.document, runtime, this.#room.filters);
      } catch (error) {
        this.#options.log("warn", `container ${container.id}: ${messageOf(error)}`);
      }
    });
  }
}

/** As `Promise.all`, but fails only when all have ended: what they made can be taken back then. */
async function allOrNone<T extends readonly unknown[] | []>(
  work: T,
): Promise<{ -readonly [P in keyof T]: Awaited<T[P]> }> {
  await Promise.allSettled(work);
  return Promise.all(work);
}

/** As its root, or as one of its mounts. */
function uses({ imageId, mountPoints }: Container["document"], wanted: Digest): boolean {
  return imageId === wanted || mountPoints.some((point) => point.imageId === wanted);
}

/** Before the request is read as a whole; what it says otherwise is refused there. */
function requestedRuntime({ HostConfig }: ContainerCreateRequest): string {
  const name = HostConfig?.["Runtime"];
  return typeof name === "string" ? name : "";
}
