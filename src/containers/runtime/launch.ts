import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { EngineError, ErrorCode, hasCode } from "#errors";
import { isErrno, warmCgroups } from "#host";
import type { SandboxService } from "#networks";
import type { Snapshotter } from "#snapshots";
import type { Container } from "../container.ts";
import { wrongState } from "../containerError.ts";
import type { ContainerIndex } from "../containerIndex.ts";
import { checkShared, linkVariables, networkFacts, sharedContainer } from "../networking/networkFacts.ts";
import { keepsLog } from "../output/logDriver.ts";
import { openLog } from "../output/openLog.ts";
import type { LogContext } from "../output/openLog.ts";
import { etcFilesAt } from "../rootfs/etcFiles.ts";
import { isDirectoryInRoot, makeDirectoryInRoot, markContainerRoot, readAccountFiles } from "../rootfs/rootfsFiles.ts";
import { lookupUser } from "../rootfs/userLookup.ts";
import { checkNameservers } from "../request/addressChecks.ts";
import { commandOf } from "../request/containerConfig.ts";
import type { Ulimit } from "../request/hostConfig.ts";
import type { ContainerMounts } from "../mounts/containerMounts.ts";
import { appliedProfile } from "../apparmor/chooseProfile.ts";
import { defaultAppArmorProfile } from "../apparmor/defaultProfile.ts";
import type { FilterCache } from "../seccomp/filterCache.ts";
import { seccompFor } from "../seccomp/chooseProfile.ts";
import { buildRuntimeSpec } from "../spec/runtimeSpec.ts";
import type { OciMount } from "../spec/ociSpec.ts";
import type { Runtime } from "./chooseRuntime.ts";
import { findInitProgram } from "./initProgram.ts";
import { joinNamespaces } from "./joinNamespaces.ts";
import { connectStreams, CreateFailed, createContainer, deleteContainer, startProgram } from "./monitor.ts";
import type { Created, StreamSettings } from "./monitor.ts";
import type { Layout } from "./paths.ts";
import { hookFailed, startFailure } from "./runtimeError.ts";
import { closeSharedMemory } from "./sharedMemory.ts";
import type { Turns } from "./turns.ts";

/** What starting needs of the daemon. */
export interface LaunchContext extends LogContext {
  readonly index: ContainerIndex;
  readonly sandboxes: SandboxService;
  readonly layout: Layout;
  readonly snapshots: Snapshotter;
  readonly filters: FilterCache;
  readonly mounts: ContainerMounts;
  /** For the synchronous steps of a start. */
  readonly turns: Turns;
  /** Of containers that ask for none of the same name. */
  readonly ulimits: readonly Ulimit[];
}

/** Exit code of a start that missed a file. */
const NO_SUCH_FILE = 127;

/** A start that the runtime refused; the exit code is the one that Docker gives such a container. */
export class LaunchFailed extends Error {
  readonly exitCode: number;

  constructor(exitCode: number, cause: Error) {
    super(cause.message, { cause });
    this.exitCode = exitCode;
  }
}

/** Input is kept open across clients unless it was made for one; a terminal's always is. */
function streamSettings({ document }: Container): StreamSettings {
  const { Tty, OpenStdin, StdinOnce } = document.config;
  return {
    tty: Tty,
    stdin: OpenStdin,
    keepStdinOpen: Tty || !StdinOnce,
    log: keepsLog(document.hostConfig.LogConfig),
  };
}

/** Interfaces, ports, names and the files of /etc about them. Resolves with the namespace to run in; the host's: undefined. */
async function openNetwork(container: Container, { index, sandboxes }: LaunchContext): Promise<string | undefined> {
  checkShared(container.document, index);
  checkNameservers(container.document.hostConfig.Dns);
  try {
    const namespace = await sandboxes.open(networkFacts(container, index));
    for (const parent of index.linkParents(container))
      if (parent.isRunning) sandboxes.relink(networkFacts(parent, index));
    return namespace;
  } catch (error) {
    throw hasCode(error, ErrorCode.MAC_REFUSED) ? hookFailed(error) : error;
  }
}

/**
 * Everything that stands before the runtime is called; the exit file of an earlier run must not end this one. Resolves with
 * what the runtime is to mount.
 */
async function writeBundle(
  container: Container,
  context: LaunchContext,
  runtime: Runtime,
): Promise<readonly OciMount[]> {
  const { document, paths } = container;
  const { config, hostConfig } = document;
  await context.turns.take();
  const { path: rootfs } = await context.snapshots.mount(document.id, { volatile: hostConfig.AutoRemove });
  markContainerRoot(rootfs);
  if (config.WorkingDir !== "") makeDirectoryInRoot(rootfs, config.WorkingDir);
  const { mounts, rootPropagation } = await context.mounts.open(document, rootfs);
  const shared = await joinNamespaces(document, context.index, context.layout);
  await context.turns.take();
  const networkNamespace = await openNetwork(container, context);
  await context.turns.take();
  const host = sharedContainer(hostConfig.NetworkMode, context.index);
  const spec = buildRuntimeSpec({
    document,
    rootfs,
    ...shared,
    etc: etcFilesAt((host ?? container).paths.directory),
    ...(networkNamespace === undefined ? {} : { networkNamespace }),
    mounts,
    linked: linkVariables(container, context.index, context.sandboxes),
    user: lookupUser(config.User, readAccountFiles(rootfs), hostConfig.GroupAdd ?? []),
    ulimits: context.ulimits,
    seccomp: seccompFor(document, runtime, context.filters),
    appArmor: appliedProfile(hostConfig, await defaultAppArmorProfile()),
    ...(rootPropagation === undefined ? {} : { rootPropagation }),
    ...(hostConfig.Init ? { initProgram: findInitProgram() } : {}),
  });
  rmSync(paths.bundle, { recursive: true, force: true });
  rmSync(paths.exitFile, { force: true });
  mkdirSync(paths.bundle, { recursive: true, mode: 0o700 });
  writeFileSync(paths.spec, JSON.stringify(spec), { mode: 0o600 });
  return spec.mounts;
}

/** @throws as {@link openLog} */
async function prepareLog(container: Container, context: LogContext): Promise<void> {
  try {
    await openLog(container, context);
  } catch (error) {
    throw error instanceof EngineError && isErrno(error, "ENOENT") ? new LaunchFailed(NO_SUCH_FILE, error) : error;
  }
}

/**
 * Makes a container run and connects its streams. Nothing runs and nothing is mounted when it fails.
 * `signal` ends a runtime that does not answer.
 * @throws {LaunchFailed} in Docker's words when the runtime refused; what user lookup and mounts throw.
 */
export async function launch(
  container: Container,
  context: LaunchContext,
  { runtime, signal }: { readonly runtime: Runtime; readonly signal: AbortSignal },
): Promise<Created> {
  const { id, paths } = container;
  await prepareLog(container, context);
  void warmCgroups();
  let mounts: readonly OciMount[] = [];
  try {
    mounts = await writeBundle(container, context, runtime);
    await context.turns.take();
    const streams = streamSettings(container);
    const created = await createContainer(id, paths, context.layout, { runtime, streams, signal });
    await context.turns.take();
    container.hub.connect(connectStreams(paths));
    await startProgram(id, paths, context.layout, runtime);
    return created;
  } catch (error) {
    const failure = error instanceof CreateFailed ? await explain(container, context, { error, mounts }) : error;
    await clear(container, context, runtime);
    throw signal.aborted ? wrongState("container is marked for removal and cannot be started") : failure;
  }
}

async function explain(
  { id, paths, document }: Container,
  { snapshots }: LaunchContext,
  { error, mounts }: { readonly error: CreateFailed; readonly mounts: readonly OciMount[] },
): Promise<LaunchFailed> {
  const [program] = commandOf(document.config);
  const { path: rootfs } = await snapshots.mount(id);
  const isDirectory = (): boolean => isDirectoryInRoot(rootfs, program);
  const { exitCode, error: cause } = startFailure(error.message, paths.runtimeLog, {
    program,
    isDirectory,
    rootfs,
    mounts,
  });
  return new LaunchFailed(exitCode, cause);
}

/** Takes away what a run left: cgroups, runtime state, mounts, bundle. Idempotent. */
export async function clear(
  { id, paths, document }: Container,
  { layout, snapshots, sandboxes, mounts }: LaunchContext,
  runtime: Runtime,
): Promise<void> {
  sandboxes.close(id);
  await Promise.all([
    existsSync(paths.bundle) ? deleteContainer(document, layout, runtime) : Promise.resolve(),
    snapshots.unmount(id),
  ]);
  await closeSharedMemory(layout.sharedMemory(id));
  await mounts.close(document);
  rmSync(paths.bundle, { recursive: true, force: true });
  rmSync(paths.exitFile, { force: true });
}
