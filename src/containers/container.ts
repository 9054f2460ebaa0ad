import type { EventSink } from "#engineapi";
import type { ContainerRecords } from "#metadata";
import type { ContainerDocument, ContainerState } from "./document.ts";
import { StreamHub } from "./output/streamHub.ts";
import type { ContainerPaths } from "./runtime/paths.ts";
import { Waiters } from "./waiters.ts";

/** What every container needs of the daemon. */
export interface ContainerHome {
  readonly records: ContainerRecords;
  readonly events: EventSink;
}

/** A container as the daemon holds it: its document, its streams, who waits for it. */
export class Container {
  readonly waiters: Waiters = new Waiters();
  readonly paths: ContainerPaths;
  readonly #home: ContainerHome;
  #document: ContainerDocument;
  #hub = new StreamHub();
  #last: Promise<unknown> = Promise.resolve();
  /** The removal that is under way: a second one joins it. */
  removal: Promise<void> | undefined;

  constructor(document: ContainerDocument, paths: ContainerPaths, home: ContainerHome) {
    this.#document = document;
    this.paths = paths;
    this.#home = home;
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

  get isRunning(): boolean {
    return this.state.status === "running";
  }

  /** Streams of the run that is on, or else of the next one. */
  get hub(): StreamHub {
    return this.#hub;
  }

  /** Gives the next run streams of its own; returns those of the last one. */
  renewHub(): StreamHub {
    const last = this.#hub;
    this.#hub = new StreamHub();
    return last;
  }

  /** Records a new state before anyone hears of it. */
  setState(state: ContainerState): void {
    this.#document = { ...this.#document, state };
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
