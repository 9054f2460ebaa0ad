import type { Container } from "./container.ts";
import { ambiguousPrefix, noSuchContainer } from "./containerError.ts";

/** All containers, by id, name and id prefix. */
export class ContainerIndex implements Iterable<Container> {
  readonly #byId = new Map<string, Container>();

  add(container: Container): void {
    this.#byId.set(container.id, container);
  }

  remove(container: Container): void {
    this.#byId.delete(container.id);
  }

  has(container: Container): boolean {
    return this.#byId.get(container.id) === container;
  }

  findByName(name: string): Container | undefined {
    return this.#byId.values().find(({ document }) => document.name === name);
  }

  /** By whole id, name (with or without "/"), or a prefix of the id that only one has. @throws {not_found} {invalid_argument} */
  get(reference: string): Container {
    const whole = this.#byId.get(reference) ?? this.findByName(reference.replace(/^\//, ""));
    if (whole !== undefined) return whole;
    const [first, second] = reference === "" ? [] : [...this].filter(({ id }) => id.startsWith(reference));
    if (first === undefined) throw noSuchContainer(reference);
    if (second !== undefined) throw ambiguousPrefix(reference);
    return first;
  }

  /** Newest first. */
  newestFirst(): readonly Container[] {
    return [...this].sort((a, b) => (a.document.created < b.document.created ? 1 : -1));
  }

  [Symbol.iterator](): Iterator<Container> {
    return this.#byId.values();
  }
}
