import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { messageOf } from "#errors";
import { listMounts, removeCgroup, unmount, keepCgroupsWarm } from "#host";
import type { ContainerRoom } from "../room.ts";
import { isDirectoryInRoot, makeDirectoryInRoot, readAccountFiles } from "../rootfs/rootfsFiles.ts";
import { lookupUser } from "../rootfs/userLookup.ts";
import { forceDelete } from "../runtime/monitor.ts";
import type { Runtime } from "../runtime/chooseRuntime.ts";
import { appliedProfile } from "../apparmor/chooseProfile.ts";
import { defaultAppArmorProfile } from "../apparmor/defaultProfile.ts";
import { seccompFor } from "../seccomp/chooseProfile.ts";
import { cgroupOf } from "../spec/runtimeSpec.ts";
import type { Isolated } from "../spec/runtimeSpec.ts";
import { Afterwards } from "./afterwards.ts";
import { MountStubs } from "./mountStubs.ts";
import { cancelled, runBundle } from "./runningStep.ts";
import { openStepMounts } from "./stepMounts.ts";
import type {
  FinishedStep,
  HeldMount,
  HeldMounts,
  StepCall,
  StepIsolation,
  StepMount,
  StepRunner,
} from "./stepRunner.ts";
import { smallTreeTar } from "./smallTree.ts";
import { newStepId, StepSlots } from "./stepSlots.ts";
import type { StepSlot } from "./stepSlots.ts";
import { stepDocument, stepSpec } from "./stepSpec.ts";
import { StepStacks } from "./stepStacks.ts";
import type { StepStack } from "./stepStacks.ts";

/** A step is often followed by another one; one that takes longer than this would not gain by it. */
const WARM_MS = 150;

/** The step runner: see its contract. Everything of a step is named by its id. */
export class Steps implements StepRunner {
  readonly #room: ContainerRoom;
  readonly #slots: StepSlots;
  readonly #stacks: StepStacks;
  readonly #afterwards: Afterwards;
  readonly #closing = new AbortController();
  readonly #running = new Set<Promise<unknown>>();

  constructor(room: ContainerRoom) {
    const { snapshots, metadata, sandboxes, log } = room.options;
    this.#room = room;
    const report = (error: unknown): void => log("error", `build step: ${messageOf(error)}`);
    this.#slots = new StepSlots(room.layout, sandboxes, report);
    this.#stacks = new StepStacks(snapshots, metadata, room.layout.stepScratch("ground"));
    this.#afterwards = new Afterwards(report);
  }

  run(call: StepCall): Promise<FinishedStep> {
    const signal = AbortSignal.any([call.signal, this.#closing.signal]);
    const running = this.#run({ ...call, signal });
    this.#running.add(running);
    return running.finally(() => this.#running.delete(running));
  }

  async #run(call: StepCall): Promise<FinishedStep> {
    if (call.signal.aborted) throw cancelled();
    keepCgroupsWarm(WARM_MS);
    await using cleanup = new AsyncDisposableStack();
    const runtime = await this.#room.runtime("");
    await this.#room.turns.take();
    const slot = await this.#slots.take(call.isolation.network);
    cleanup.defer(() => this.#afterwards.add(() => this.#slots.remove(slot.id)));
    await this.#room.turns.take();
    const { diffIds } = call;
    const root = await this.#stacks.mountRoot({ diffIds, place: slot.place, cleanup });
    const stubs = new MountStubs();
    const exitCode = await this.#runIn(root, { slot, call, runtime, stubs });
    keepCgroupsWarm(WARM_MS);
    await root.unmount();
    stubs.remove(root.upper);
    const owned = cleanup.move();
    const { fileWorkers } = this.#room;
    return {
      exitCode,
      changes: async function* (stop) {
        yield* smallTreeTar(root.upper) ??
          (await fileWorkers.run({ kind: "tree", path: root.upper, overlay: true }, stop));
      },
      [Symbol.asyncDispose]: () => owned.disposeAsync(),
    };
  }

  /** Resolves when nothing of the run is left but what it wrote. */
  async #runIn({ path: rootfs }: StepStack, { slot, call, runtime, stubs }: Step): Promise<number> {
    const { layout, turns } = this.#room;
    const { id, directory, scratch, etc, networkNamespace } = slot;
    const { process, isolation, signal } = call;
    const document = stepDocument(id, call);
    await using cleanup = new AsyncDisposableStack();
    const mounts = await openStepMounts(call.mounts, { stacks: this.#stacks, directory, scratch, cleanup });
    makeDirectoryInRoot(rootfs, process.workingDirectory);
    stubs.make(rootfs, [...ETC_TARGETS, ...mounts.targets]);
    const accounts = readAccountFiles(rootfs);
    const user = lookupUser(process.user, accounts, []);
    writeFileSync(etc.hosts, this.#hostsOf(isolation), { mode: 0o644 });
    const seccomp = seccompFor(document, runtime, this.#room.filters);
    const appArmor = appliedProfile(document.hostConfig, await defaultAppArmorProfile());
    const input = { document, rootfs, etc, mounts: mounts.oci, user, accounts, networkNamespace, seccomp, appArmor };
    writeFileSync(join(directory, "config.json"), JSON.stringify(stepSpec(call, input)), { mode: 0o600 });
    await turns.take();
    if (signal.aborted) throw cancelled();
    cleanup.defer(() => this.#endProcesses(document, runtime));
    const isDirectory = (program: string): boolean => isDirectoryInRoot(rootfs, program);
    const onStart = (): void => this.#useTheWait(isolation);
    return await runBundle({ id, directory, runtime, stateRoot: layout.runtimeState, isDirectory, onStart }, call);
  }

  async openMounts(mounts: readonly StepMount[]): Promise<HeldMounts> {
    const { layout } = this.#room;
    await using cleanup = new AsyncDisposableStack();
    const id = newStepId();
    const [directory, scratch] = [layout.step(id), layout.stepScratch(id)];
    cleanup.defer(() => this.#slots.remove(id));
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    mkdirSync(scratch, { recursive: true, mode: 0o700 });
    const ready = await openStepMounts(mounts, { stacks: this.#stacks, directory, scratch, cleanup });
    const owned = cleanup.move();
    const held = mounts.map((mount, index): HeldMount => {
      const { target } = mount;
      if (mount.kind === "tmpfs") return { type: "tmpfs", target, size: mount.size };
      const { source = "", options = [] } = ready.oci[index] ?? {};
      return { type: "bind", source, target, readOnly: options.includes("ro") };
    });
    return { mounts: held, [Symbol.asyncDispose]: () => owned.disposeAsync() };
  }

  /** As BuildKit writes it. */
  #hostsOf({ hostname, extraHosts }: StepIsolation): string {
    const own = `127.0.0.1\tlocalhost ${hostname}\n::1\tlocalhost ip6-localhost ip6-loopback\n`;
    const lines = extraHosts.map(({ name, address: given }) => {
      const address = given === HOST_GATEWAY ? this.#room.options.sandboxes.hostGateway() : given;
      return address === undefined ? "" : `${address}\t${name}\n`;
    });
    return own + lines.join("");
  }

  /** The process starts on another core: meanwhile what earlier steps left goes, and the next one is made ready. */
  #useTheWait({ network }: StepIsolation): void {
    this.#afterwards.begin();
    this.#slots.prepare(network);
  }

  /** The runtime has taken its things away unless it was killed. */
  async #endProcesses(document: Isolated, runtime: Runtime): Promise<void> {
    const { runtimeState } = this.#room.layout;
    if (removeCgroup(cgroupOf(document)) && !existsSync(join(runtimeState, document.id))) return;
    await forceDelete(document.id, this.#room.layout, runtime);
  }

  async reconcile(): Promise<void> {
    const { layout, options } = this.#room;
    const scratch = layout.stepScratch("");
    for (const id of layout.steps()) {
      try {
        await forceDelete(id, layout, await this.#room.runtime(""));
        await unmountBelow(layout.step(id));
        await unmountBelow(layout.stepScratch(id));
        await this.#slots.remove(id);
      } catch (error) {
        options.log("error", `build step ${id}: ${messageOf(error)}`);
      }
    }
    await unmountBelow(scratch);
    await rm(scratch, { recursive: true, force: true });
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.allSettled(this.#running);
    await this.#afterwards.settle();
    await this.#slots.close();
    await this.#stacks.removeGround();
  }
}

const HOST_GATEWAY = "host-gateway";

interface Step {
  readonly slot: StepSlot;
  readonly call: StepCall;
  readonly runtime: Runtime;
  readonly stubs: MountStubs;
}

const ETC_TARGETS = [
  { path: "/etc/resolv.conf", kind: "file" },
  { path: "/etc/hosts", kind: "file" },
] as const;

async function unmountBelow(directory: string): Promise<void> {
  if (!existsSync(directory)) return;
  for (const { target } of (await listMounts(directory)).toReversed()) await unmount(target, { lazy: true });
}
