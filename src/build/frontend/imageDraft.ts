import type { ContainerDefaults, HistoryEntry, ImageConfig, Platform } from "#oci";
import { goQuote } from "#gotext";

const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/** What BuildKit's Dockerfile frontend writes. */
const COMMENT = "buildkit.dockerfile.v0";

export type MutableDefaults = { -readonly [Key in keyof ContainerDefaults]: ContainerDefaults[Key] };

/** An image config while a stage is looked at: each instruction changes it. Copied when another stage goes on from it. */
export class StageImage {
  platform: Platform;
  author: string | undefined;
  readonly config: MutableDefaults;
  readonly history: HistoryEntry[];
  /** The base's config as it came. */
  readonly base: ImageConfig | undefined;

  private constructor(parts: {
    readonly platform: Platform;
    readonly author: string | undefined;
    readonly config: ContainerDefaults;
    readonly history: readonly HistoryEntry[];
    readonly base: ImageConfig | undefined;
  }) {
    this.platform = parts.platform;
    this.author = parts.author;
    this.config = structuredClone(parts.config);
    this.history = [...parts.history];
    this.base = parts.base;
  }

  static scratch(platform: Platform): StageImage {
    const config = { Env: [`PATH=${DEFAULT_PATH}`], WorkingDir: "/" };
    return new StageImage({ platform, author: undefined, config, history: [], base: undefined });
  }

  static of(base: ImageConfig): StageImage {
    const { architecture, os, variant } = base;
    const platform: Platform = {
      architecture,
      os,
      ...(variant === undefined ? {} : { variant }),
      ...(base["os.version"] === undefined ? {} : { "os.version": base["os.version"] }),
    };
    const { author, config = {}, history = [] } = base;
    return new StageImage({ platform, author, config, history, base });
  }

  copy(): StageImage {
    const { platform, author, config, history, base } = this;
    return new StageImage({ platform, author, config, history, base });
  }

  /** Every image has a PATH, also one whose base set none. */
  ensurePath(): void {
    const { Env } = this.config;
    if (!(Env ?? []).some((entry) => entry.startsWith("PATH=")))
      this.config.Env = [...(Env ?? []), `PATH=${DEFAULT_PATH}`];
  }

  setEnvironment(name: string, value: string): void {
    const { entries, places } = (this.#environment ??= indexed(this.config.Env ?? []));
    const place = places.get(name) ?? entries.length;
    places.set(name, place);
    entries[place] = `${name}=${value}`;
    this.config.Env = entries;
  }

  /** `config.Env` by name, once ENV changed it: thousands of them stay linear. */
  #environment: { readonly entries: string[]; readonly places: Map<string, number> } | undefined;

  addLabels(entries: Iterable<readonly [string, string]>): void {
    this.config.Labels = this.#labels.add(this.config.Labels, entries);
  }

  addPorts(ports: readonly string[]): void {
    this.config.ExposedPorts = this.#ports.add(this.config.ExposedPorts, asSet(ports));
  }

  addVolumes(volumes: readonly string[]): void {
    this.config.Volumes = this.#volumes.add(this.config.Volumes, asSet(volumes));
  }

  readonly #labels = new GrowingRecord<string>();
  readonly #ports = new GrowingRecord<object>();
  readonly #volumes = new GrowingRecord<object>();

  /** Shell form of a command: the SHELL goes before. */
  withShell(words: readonly string[]): readonly string[] {
    const { Shell } = this.config;
    return [...(Shell === undefined || Shell.length === 0 ? ["/bin/sh", "-c"] : Shell), words.join(" ")];
  }

  /** `isStep`: a command ran or files were copied; the words then end in `# buildkit`. */
  commit(
    words: string | (() => string),
    options: { readonly layer?: boolean; readonly isStep?: boolean; readonly epoch: number | undefined },
  ): void {
    const { layer = false, isStep = false, epoch } = options;
    this.history.push({
      ...(epoch === undefined ? {} : { created: new Date(epoch * 1000).toISOString().replace(".000Z", "Z") }),
      // Made when it is read: most stages' histories never are, and with thousands of arguments they are large.
      get created_by() {
        const text = typeof words === "string" ? words : words();
        return isStep ? `${text} # buildkit` : text;
      },
      comment: COMMENT,
      ...(layer ? {} : { empty_layer: true }),
    });
  }
}

/** A part of the config that instructions add to, in place once it is our own: a copy for each of thousands is quadratic. */
class GrowingRecord<V> {
  #own: Record<string, V> | undefined;

  add(
    before: Readonly<Record<string, V>> | null | undefined,
    entries: Iterable<readonly [string, V]>,
  ): Readonly<Record<string, V>> {
    if (this.#own === undefined || this.#own !== before) this.#own = { ...before };
    for (const [key, value] of entries)
      Object.defineProperty(this.#own, key, { value, writable: true, enumerable: true, configurable: true });
    return this.#own;
  }
}

function asSet(names: readonly string[]): readonly (readonly [string, object])[] {
  return names.map((name) => [name, {}]);
}

/** The first of a name counts. */
function indexed(entries: readonly string[]): { readonly entries: string[]; readonly places: Map<string, number> } {
  const places = new Map<string, number>();
  for (const [index, entry] of entries.entries()) {
    const [name] = splitEntry(entry);
    if (!places.has(name)) places.set(name, index);
  }
  return { entries: [...entries], places };
}

/** `A=b=c` → name and value. */
export function splitEntry(entry: string): readonly [name: string, value: string] {
  const equals = entry.indexOf("=");
  return equals < 0 ? [entry, ""] : [entry.slice(0, equals), entry.slice(equals + 1)];
}

/** Go's `%q` of a list: `["a" "b"]`. */
export function quotedList(words: readonly string[]): string {
  return `[${words.map((word) => goQuote(word)).join(" ")}]`;
}
