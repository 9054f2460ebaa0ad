import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";

/** Where a container's files are. */
export interface ContainerPaths {
  /** Under the data root: log and the files of /etc. */
  readonly directory: string;
  readonly log: string;
  /** Under the exec root, gone with the host's boot: spec, sockets, pid files. */
  readonly bundle: string;
  readonly spec: string;
  readonly pidFile: string;
  readonly monitorPidFile: string;
  readonly runtimeLog: string;
  readonly oomMark: string;
  readonly control: string;
  readonly exitFile: string;
  /** Where places within its volumes and images are held while it runs. */
  readonly pins: string;
}

export class Layout {
  readonly #dataRoot: string;
  readonly #execRoot: string;
  readonly exits: string;
  readonly runtimeState: string;
  readonly filters: string;
  readonly pins: string;
  /** A directory for each exec that runs. */
  readonly execs: string;

  constructor(dataRoot: string, execRoot: string) {
    this.#dataRoot = dataRoot;
    this.#execRoot = execRoot;
    this.exits = join(execRoot, "exits");
    this.runtimeState = join(execRoot, "runtime");
    this.filters = join(execRoot, "seccomp");
    this.pins = join(execRoot, "mounts");
    this.execs = join(execRoot, "execs");
  }

  /** Where the /dev/shm of a container lies while it runs, when others may join its IPC namespace. */
  sharedMemory(id: string): string {
    return join(this.#execRoot, "shm", id);
  }

  /** Ids that have a bundle. */
  runs(): readonly string[] {
    const folder = join(this.#execRoot, "containers");
    return existsSync(folder) ? readdirSync(folder) : [];
  }

  /** The bundle of a build's step while it runs. */
  step(id: string): string {
    return join(this.#execRoot, "steps", id);
  }

  /** Ids of steps that have a bundle. */
  steps(): readonly string[] {
    const folder = join(this.#execRoot, "steps");
    return existsSync(folder) ? readdirSync(folder) : [];
  }

  /** What a step writes to mounts that are thrown away; of all steps: "". */
  stepScratch(id: string): string {
    return join(this.#dataRoot, "buildkit", "steps", id);
  }

  at(id: string): ContainerPaths {
    const directory = join(this.#dataRoot, "containers", id);
    const bundle = join(this.#execRoot, "containers", id);
    return {
      directory,
      log: join(directory, "container.log"),
      bundle,
      spec: join(bundle, "config.json"),
      pidFile: join(bundle, "pid"),
      monitorPidFile: join(bundle, "conmon.pid"),
      runtimeLog: join(bundle, "runtime.log"),
      oomMark: join(bundle, "oom"),
      control: join(bundle, "ctl"),
      exitFile: join(this.exits, id),
      pins: join(this.pins, id),
    };
  }
}
