import { lstat, readdir, readlink } from "node:fs/promises";
import { dirname, join, normalize } from "node:path/posix";
import { createIgnoreMatcher } from "#dockerfile";

const MAX_LINKS = 255;
const WILDCARD = /[*?[\\]/;

/** One name of a pattern. */
function nameMatcher(pattern: string): (name: string) => boolean {
  try {
    const matcher = createIgnoreMatcher([pattern]);
    return (name) => matcher.ignores(name);
  } catch {
    // No pattern: then it is a name.
    return (name) => name === pattern;
  }
}

/**
 * Paths that a COPY names → patterns of what must be sent: links on the way are followed, and where they lead is wanted
 * too, as long as it is in the directory. The link's own path stays wanted.
 */
export class LinkFollower {
  readonly #root: string;
  readonly #found = new Set<string>();
  #links = 0;

  constructor(root: string) {
    this.#root = root;
  }

  async follow(paths: readonly string[]): Promise<readonly string[]> {
    for (const path of paths)
      await this.#walk(
        "",
        normalize(`/${path}`)
          .split("/")
          .filter((part) => part !== ""),
      );
    return [...this.#found];
  }

  async #walk(base: string, rest: readonly string[]): Promise<void> {
    const [name, ...others] = rest;
    if (name === undefined) {
      this.#found.add(base === "" ? "**" : base);
      return;
    }
    if (WILDCARD.test(name)) {
      // The pattern itself stays wanted: names come and go, links among them are followed now.
      this.#found.add([base, ...rest].filter((part) => part !== "").join("/"));
      const matches = nameMatcher(name);
      for (const entry of await this.#names(base)) if (matches(entry)) await this.#step(base, entry, others);
      return;
    }
    await this.#step(base, name, others);
  }

  async #step(base: string, name: string, others: readonly string[]): Promise<void> {
    const path = base === "" ? name : `${base}/${name}`;
    const target = await this.#linkAt(path);
    if (target === undefined) {
      await this.#walk(path, others);
      return;
    }
    this.#found.add(path);
    if ((this.#links += 1) > MAX_LINKS) return;
    const led = target.startsWith("/") ? target : join("/", dirname(path), target);
    await this.#walk("", [
      ...normalize(led)
        .split("/")
        .filter((part) => part !== "" && part !== ".."),
      ...others,
    ]);
  }

  async #linkAt(path: string): Promise<string | undefined> {
    try {
      const full = join(this.#root, path);
      return (await lstat(full)).isSymbolicLink() ? await readlink(full) : undefined;
    } catch {
      // Not there: then it is wanted in vain.
      return undefined;
    }
  }

  async #names(path: string): Promise<readonly string[]> {
    try {
      return await readdir(join(this.#root, path));
    } catch {
      return [];
    }
  }
}
