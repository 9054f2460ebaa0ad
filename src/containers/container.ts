import type { EventSink } from "#engineapi";
import type { ContainerRecords } from "#metadata";
import type { ContainerDocument, ContainerState } from "./document.ts";
import { LogFiles } from "./output/logFiles.ts";
import { StreamHub } from "./output/streamHub.ts";
import type { ContainerPaths } from "./runtime/paths.ts";
import { Waiters } from "./waiters.ts";

/** What every container needs of the daemon. */
export interface ContainerHome {
  readonly records: ContainerRecords;
  readonly events: EventSink;
}

/** Where a container is in the back-off of its restart policy. */
export interface RestartState {
  /** Its next end is wanted: the policy keeps still. */
  stopAsked: boolean;
  lastDelayMs: number;
  /** Gives up a start that waits for its time. */
  cancel: (() => void) | undefined;
}

/** A container as the daemon holds it: its document, its streams, who waits for it. */
export class Container {
  readonly waiters: Waiters = new Waiters();
  readonly paths: ContainerPaths;
  readonly #home: ContainerHome;
  #document: ContainerDocument;
  /** What its runs wrote. */
  readonly log: LogFiles;
  #hub: StreamHub;
  #last: Promise<unknown> = Promise.resolve();
  /** Execs that were created and have not ended. */
  readonly execIds: Set<string> = new Set();
  /** The removal that is under way: a second one joins it. */
  removal: Promise<void> | undefined;
  /** Ends the start that is under way when its runtime does not answer. */
  giveUpStart: (() => void) | undefined;
  /** Its end is part of a restart: `--rm` does not hold. */
  keepOnExit = false;
  /** What its restart policy is about to do, and the delay before the present run. */
  readonly restart: RestartState = { stopAsked: false, lastDelayMs: 0, cancel: undefined };

  constructor(document: ContainerDocument, paths: ContainerPaths, home: ContainerHome) {
    this.#document = document;
    this.paths = paths;
    this.#home = home;
    this.log = new LogFiles(paths.log, paths.control);
    this.#hub = this.#newHub();
  }

  get id(): string {
    return this.#document.id;
  }

  get document(): ContainerDocument {
    return this.#document;
  }

  get state(): ContainerState {
    return this.#document.state;
  }

  /** It has a process, paused or not. */
  get isRunning(): boolean {
    return this.state.status === "running" || this.state.status === "paused";
  }

  get isPaused(): boolean {
    return this.state.status === "paused";
  }

  /** Running, or about to run again by its restart policy: what `ps` shows and `rm` refuses. */
  get isActive(): boolean {
    return this.isRunning || this.state.status === "restarting";
  }

  /** Streams of the run that is on, or else of the next one. */
  get hub(): StreamHub {
    return this.#hub;
  }

  /** Gives the next run streams of its own; returns those of the last one. */
  renewHub(): StreamHub {
    const last = this.#hub;
    this.#hub = this.#newHub();
    return last;
  }

  #newHub(): StreamHub {
    return new StreamHub((bytes) => this.log.wrote(bytes));
  }

  /** Records a new state before anyone hears of it. */
  setState(state: ContainerState): void {
    this.#document = { ...this.#document, state };
    this.save();
  }

  /** Records changes of anything but the state. */
  update(change: Partial<Omit<ContainerDocument, "id" | "state" | "version">>): void {
    const before = this.#document;
    this.#document = { ...before, ...change };
    try {
      this.save();
    } catch (error) {
      this.#document = before;
      throw error;
    }
  }

  /** Records that its creation has ended, with what it mounts. */
  finish(mountPoints: ContainerDocument["mountPoints"]): void {
    const { unfinished: _unfinished, ...document } = this.#document;
    this.#document = { ...document, mountPoints };
    this.save();
  }

  save(): void {
    const { id, name, imageId } = this.#document;
    this.#home.records.put({ id, name, imageId, document: JSON.stringify(this.#document) });
  }

  /** Runs `work` when everything that was asked before is done. */
  exclusive<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work);
    this.#last = result.catch(() => undefined);
    return result;
  }

  emit(action: string, attributes: Readonly<Record<string, string>> = {}): void {
    const { id, name, config } = this.#document;
    this.#home.events({
      Type: "container",
      Action: action,
      Actor: { ID: id, Attributes: { ...config.Labels, ...attributes, image: config.Image, name } },
    });
  }
}
