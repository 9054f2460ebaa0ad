import { EngineError, ErrorCode } from "#errors";

/** Fields of a request's JSON object by type; absent and null mean the default. @throws {invalid_argument} for another type. */
export class Fields {
  readonly #values: Readonly<Record<string, unknown>>;
  readonly #where: string;

  constructor(value: unknown, where: string) {
    if (value !== undefined && value !== null && (typeof value !== "object" || Array.isArray(value))) {
      throw wrongType(where, "an object");
    }
    this.#values = (value ?? {}) as Readonly<Record<string, unknown>>;
    this.#where = where;
  }

  get(name: string): unknown {
    return this.#values[name] ?? undefined;
  }

  /** Of what is there, in the order it came. */
  names(): readonly string[] {
    return Object.keys(this.#values);
  }

  text(name: string, fallback = ""): string {
    return this.#typed(name, "a string", (value) => typeof value === "string") ?? fallback;
  }

  flag(name: string): boolean {
    return this.#typed(name, "a boolean", (value) => typeof value === "boolean") ?? false;
  }

  integer(name: string): number {
    return this.#typed(name, "an integer", Number.isSafeInteger) ?? 0;
  }

  /** Undefined when absent: an empty list may mean none, an absent one as usual. */
  texts(name: string): readonly string[] | undefined {
    return this.#typed(name, "a list of strings", isTexts);
  }

  textMap(name: string): Readonly<Record<string, string>> {
    return this.#typed(name, "a map of strings", isTextMap) ?? {};
  }

  /** A list of objects. */
  objects(name: string): readonly Fields[] {
    const value: readonly unknown[] = this.#typed(name, "a list", Array.isArray) ?? [];
    return value.map((item) => new Fields(item, `${this.#where}.${name}`));
  }

  object(name: string): Fields {
    return new Fields(this.get(name), `${this.#where}.${name}`);
  }

  #typed<T>(name: string, wanted: string, is: (value: unknown) => boolean): T | undefined {
    const value = this.get(name);
    if (value !== undefined && !is(value)) throw wrongType(`${this.#where}.${name}`, wanted);
    return value as T | undefined;
  }
}

function isTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}

function isTextMap(value: unknown): boolean {
  return typeof value === "object" && value !== null && isTexts(Object.values(value)) && !Array.isArray(value);
}

function wrongType(where: string, wanted: string): EngineError {
  return new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, `${where}: expected ${wanted}`);
}
