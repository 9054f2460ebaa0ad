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

  /** A list of strings, or one string alone: commands may be written so. */
  words(name: string): readonly string[] | undefined {
    const value = this.get(name);
    if (typeof value === "string") return [value];
    if (value === undefined || isTexts(value)) return this.texts(name);
    throw mismatch(this.#where, name, { wanted: "a string", value });
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
    if (value !== undefined && !is(value)) throw mismatch(this.#where, name, { wanted, value });
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

/** What Go's decoder calls a value. */
function kindOf(value: unknown): string {
  if (typeof value === "number") return Number.isInteger(value) ? "number" : `number ${value}`;
  if (Array.isArray(value)) return "array";
  return typeof value === "boolean" ? "bool" : typeof value;
}

/** Types as Docker's structs have them. */
const GO_TYPES: Readonly<Record<string, string>> = {
  "a string": "string",
  "a boolean": "bool",
  "an integer": "int64",
  "a list of strings": "[]string",
  "a map of strings": "map[string]string",
};

/** Of HostConfig, what its struct embeds. */
const RESOURCES: ReadonlySet<string> = new Set(
  `CpuShares Memory NanoCpus CgroupParent BlkioWeight CpuPeriod CpuQuota CpuRealtimePeriod CpuRealtimeRuntime CpusetCpus
  CpusetMems DeviceCgroupRules MemoryReservation MemorySwap MemorySwappiness OomKillDisable PidsLimit CpuCount
  CpuPercent IOMaximumIOps IOMaximumBandwidth`.split(/\s+/),
);

/** In the words of Go's JSON decoder for fields of the two big structs; else in ours. */
function mismatch(
  where: string,
  name: string,
  wrong: { readonly wanted: string; readonly value: unknown },
): EngineError {
  const type = name === "StopTimeout" ? "int" : GO_TYPES[wrong.wanted];
  const prefix = where === "Config" ? "ContainerConfigWrapper.Config" : `${where}.${where}`;
  if (type === undefined || !["Config", "HostConfig"].includes(where))
    return wrongType(`${where}.${name}`, wrong.wanted);
  const field = where === "HostConfig" && RESOURCES.has(name) ? `Resources.${name}` : name;
  // A list or map of the right kind: it is one of its values that is wrong.
  const [item] = [Object.values(Object(wrong.value)).find((entry) => typeof entry !== "string")];
  const isInside =
    item !== undefined &&
    type !== "string" &&
    Array.isArray(wrong.value) === type.startsWith("[]") &&
    typeof wrong.value === "object";
  const [kind, wanted] = isInside ? [kindOf(item), "string"] : [kindOf(wrong.value), type];
  const text = `json: cannot unmarshal ${kind} into Go struct field ${prefix}.${field} of type ${wanted}`;
  return new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, `invalid JSON: ${text}`);
}
