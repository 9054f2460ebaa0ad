import { invalidDockerfile } from "./dockerfileError.ts";
import { suggest, withSuggestion } from "./suggest.ts";

/** A flag with a value once, with a value any number of times, or true and false. */
export type FlagType = "text" | "texts" | "boolean";

export type FlagTypes = Readonly<Record<string, FlagType>>;

/** The flags of one instruction. */
export class Flags {
  readonly #values = new Map<string, string[]>();

  constructor(words: readonly string[], types: FlagTypes = {}) {
    for (const word of words) this.#add(word, types);
  }

  #add(word: string, types: FlagTypes): void {
    const at = word.indexOf("=");
    const flag = at < 0 ? word : word.slice(0, at);
    const value = at < 0 ? undefined : word.slice(at + 1);
    const name = flag.slice(2);
    const type = Object.hasOwn(types, name) ? types[name] : undefined;
    if (type === undefined) {
      throw invalidDockerfile(withSuggestion(`unknown flag: ${flag}`, suggest(name, Object.keys(types))));
    }
    const values = this.#values.get(name);
    if (values !== undefined && type !== "texts") throw invalidDockerfile(`duplicate flag specified: ${flag}`);
    const checked = type === "boolean" ? booleanValue(flag, value) : value;
    if (checked === undefined) throw invalidDockerfile(`missing a value on flag: ${flag}`);
    if (values === undefined) this.#values.set(name, [checked]);
    else values.push(checked);
  }

  used(): readonly string[] {
    return [...this.#values.keys()];
  }

  text(name: string): string {
    return this.#values.get(name)?.[0] ?? "";
  }

  texts(name: string): readonly string[] {
    return this.#values.get(name) ?? [];
  }

  boolean(name: string): boolean | undefined {
    const value = this.#values.get(name)?.[0];
    return value === undefined ? undefined : value === "true";
  }
}

/** Undefined for `--flag=`, which lacks a value. */
function booleanValue(flag: string, value: string | undefined): string | undefined {
  if (value === "") return undefined;
  const lower = (value ?? "true").toLowerCase();
  if (lower !== "true" && lower !== "false") {
    throw invalidDockerfile(`expecting boolean value for flag ${flag}, not: ${value ?? ""}`);
  }
  return lower;
}
