import type { Container } from "./container.ts";
import { ambiguousPrefix, emptyReference, noSuchContainer } from "./containerError.ts";

/** Of a link `id:alias`. */
const aliasOf = (link: string): string => link.replace(/^[^:]*:/, "").replace(/^.*\//, "");

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

  /** `/parent/alias`: what links to a container call it, sorted. */
  linkNames({ id }: Container): readonly string[] {
    return [...this]
      .flatMap(({ document }) =>
        (document.hostConfig.Links ?? [])
          .filter((link) => link.startsWith(`${id}:`))
          .map((link) => `/${document.name}/${aliasOf(link)}`),
      )
      .sort();
  }

  /** Those that link to a container. */
  linkParents({ id }: Container): readonly Container[] {
    return [...this].filter(({ document }) => document.hostConfig.Links?.some((link) => link.startsWith(`${id}:`)));
  }

  #findLinked(name: string): Container | undefined {
    const [parent = "", alias = "", ...more] = name.split("/");
    if (alias === "" || more.length > 0) return undefined;
    const link = this.findByName(parent)?.document.hostConfig.Links?.find((text) => aliasOf(text) === alias);
    return link === undefined ? undefined : this.#byId.get(link.slice(0, link.indexOf(":")));
  }

  /** By whole id, name (with or without "/"), a link's name, or a prefix of the id that only one has. @throws {not_found} {invalid_argument} */
  get(reference: string): Container {
    if (reference === "") throw emptyReference();
    const name = reference.replace(/^\//, "");
    const whole = this.#byId.get(reference) ?? this.findByName(name) ?? this.#findLinked(name);
    if (whole !== undefined) return whole;
    const [first, second] = [...this].filter(({ id }) => id.startsWith(reference));
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
