import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { messageOf } from "#errors";
import { listMounts, removeCgroup, unmount, warmCgroups } from "#host";
import type { SandboxFacts } from "#networks";
import type { ContainerRoom } from "../room.ts";
import { etcFilesAt } from "../rootfs/etcFiles.ts";
import type { EtcFiles } from "../rootfs/etcFiles.ts";
import { isDirectoryInRoot, makeDirectoryInRoot, readAccountFiles } from "../rootfs/rootfsFiles.ts";
import { lookupUser } from "../rootfs/userLookup.ts";
import { forceDelete } from "../runtime/monitor.ts";
import type { Runtime } from "../runtime/chooseRuntime.ts";
import { seccompFor } from "../seccomp/chooseProfile.ts";
import { cgroupOf } from "../spec/runtimeSpec.ts";
import type { Isolated } from "../spec/runtimeSpec.ts";
import { MountStubs } from "./mountStubs.ts";
import { cancelled, runBundle } from "./runningStep.ts";
import { openStepMounts } from "./stepMounts.ts";
import type { FinishedStep, StepCall, StepIsolation, StepRunner } from "./stepRunner.ts";
import { stepDocument, stepSpec } from "./stepSpec.ts";
import { StepStacks } from "./stepStacks.ts";

/** Short enough for sockets below it, whose paths the kernel limits. */
const ID_BYTES = 16;
const KEY_PREFIX = "step-";

/** The step runner: see its contract. Everything of a step is named by its id. */
export class Steps implements StepRunner {
  readonly #room: ContainerRoom;
  readonly #stacks: StepStacks;
  readonly #closing = new AbortController();
  readonly #running = new Set<Promise<unknown>>();

  constructor(room: ContainerRoom) {
    this.#room = room;
    this.#stacks = new StepStacks(room.options.snapshots, room.options.metadata);
  }

  run(call: StepCall): Promise<FinishedStep> {
    const signal = AbortSignal.any([call.signal, this.#closing.signal]);
    const running = this.#run(randomBytes(ID_BYTES).toString("hex"), { ...call, signal });
    this.#running.add(running);
    return running.finally(() => this.#running.delete(running));
  }

  async #run(id: string, call: StepCall): Promise<FinishedStep> {
    if (call.signal.aborted) throw cancelled();
    void warmCgroups();
    await using root = new AsyncDisposableStack();
    const stubs = new MountStubs();
    const runtime = await this.#room.runtime("");
    await this.#room.turns.take();
    const { path, upper } = await this.#stacks.mount(`${KEY_PREFIX}${id}`, { ...call, readOnly: false, cleanup: root });
    const exitCode = await this.#runIn(path, { id, call, runtime, stubs });
    await this.#room.options.snapshots.unmount(`${KEY_PREFIX}${id}`);
    stubs.remove(upper);
    const owned = root.move();
    const { fileWorkers } = this.#room;
    return {
      exitCode,
      changes: async function* (stop) {
        yield* await fileWorkers.run({ kind: "tree", path: upper, overlay: true }, stop);
      },
      [Symbol.asyncDispose]: () => owned.disposeAsync(),
    };
  }

  /** Resolves when nothing of the run is left but what it wrote. */
  async #runIn(rootfs: string, step: Step): Promise<number> {
    const { id, call, runtime, stubs } = step;
    const { layout, options, turns } = this.#room;
    const directory = layout.step(id);
    const document = stepDocument(id, call);
    await using cleanup = new AsyncDisposableStack();
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    cleanup.defer(() => rm(directory, { recursive: true, force: true }));
    const scratch = layout.stepScratch(id);
    const stacks = this.#stacks;
    const mounts = await openStepMounts(call.mounts, {
      key: `${KEY_PREFIX}${id}`,
      stacks,
      directory,
      scratch,
      cleanup,
    });
    const { workingDirectory, user: userText } = call.process;
    makeDirectoryInRoot(rootfs, workingDirectory);
    stubs.make(rootfs, [...ETC_TARGETS, ...mounts.targets]);
    const accounts = readAccountFiles(rootfs);
    const user = lookupUser(userText, accounts, []);
    await turns.take();
    const etc = etcFilesAt(directory);
    cleanup.defer(() => options.sandboxes.forget(id));
    const networkNamespace = await this.#openNetwork(id, call.isolation, etc);
    await turns.take();
    const seccomp = seccompFor(document, runtime, this.#room.filters);
    const input = { document, rootfs, etc, mounts: mounts.oci, user, accounts, networkNamespace, seccomp };
    writeFileSync(join(directory, "config.json"), JSON.stringify(stepSpec(call, input)), { mode: 0o600 });
    if (call.signal.aborted) throw cancelled();
    cleanup.defer(() => this.#endProcesses(document, runtime));
    const isDirectory = (program: string): boolean => isDirectoryInRoot(rootfs, program);
    return await runBundle({ id, directory, runtime, stateRoot: layout.runtimeState, isDirectory }, call);
  }

  /** The namespace to run in; undefined: the host's. */
  async #openNetwork(id: string, isolation: StepIsolation, etc: EtcFiles): Promise<string | undefined> {
    const facts = networkFacts(id, isolation, etc);
    this.#room.options.sandboxes.declare(facts, {});
    const namespace = await this.#room.options.sandboxes.open(facts);
    const hosts = isolation.extraHosts.map(({ name, address }) => `${address}\t${name}\n`);
    writeFileSync(etc.hosts, `${ownHosts(isolation.hostname)}${hosts.join("")}`, { mode: 0o644 });
    writeFileSync(etc.resolvConf, withoutComments(readFileSync(etc.resolvConf, "utf8")), { mode: 0o644 });
    return namespace;
  }

  /** The runtime has taken its things away unless it was killed. */
  async #endProcesses(document: Isolated, runtime: Runtime): Promise<void> {
    const { runtimeState } = this.#room.layout;
    if (removeCgroup(cgroupOf(document)) && !existsSync(join(runtimeState, document.id))) return;
    await forceDelete(document.id, this.#room.layout, runtime);
  }

  async reconcile(): Promise<void> {
    const { layout, options } = this.#room;
    for (const id of layout.steps()) {
      try {
        await this.#sweep(id);
      } catch (error) {
        options.log("error", `build step ${id}: ${messageOf(error)}`);
      }
    }
    for (const { name } of options.snapshots.list()) if (name.startsWith(KEY_PREFIX)) await this.#stacks.drop(name);
    for (const { target } of (await listMounts(layout.stepScratch(""))).toReversed())
      await unmount(target, { lazy: true });
    await rm(layout.stepScratch(""), { recursive: true, force: true });
  }

  async #sweep(id: string): Promise<void> {
    const { layout, options } = this.#room;
    await forceDelete(id, layout, await this.#room.runtime(""));
    options.sandboxes.forget(id);
    for (const { target } of (await listMounts(layout.step(id))).toReversed()) await unmount(target, { lazy: true });
    await rm(layout.step(id), { recursive: true, force: true });
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.allSettled(this.#running);
  }
}

interface Step {
  readonly id: string;
  readonly call: StepCall;
  readonly runtime: Runtime;
  readonly stubs: MountStubs;
}

const ETC_TARGETS = [
  { path: "/etc/resolv.conf", kind: "file" },
  { path: "/etc/hosts", kind: "file" },
] as const;

function networkFacts(id: string, { network, hostname }: StepIsolation, etc: EtcFiles): SandboxFacts {
  return {
    containerId: id,
    name: id,
    hostname,
    domainname: "",
    mode: network === "default" ? "bridge" : network,
    exposed: [],
    bindings: {},
    publishAll: false,
    dns: [],
    dnsOptions: [],
    dnsSearch: [],
    extraHosts: [],
    links: [],
    hostsFile: etc.hosts,
    resolvConfFile: etc.resolvConf,
    isQuiet: true,
  };
}

/** As BuildKit writes it. */
function ownHosts(hostname: string): string {
  return `127.0.0.1\tlocalhost ${hostname}\n::1\tlocalhost ip6-localhost ip6-loopback\n`;
}

function withoutComments(text: string): string {
  return text
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => `${line}\n`)
    .join("");
}
