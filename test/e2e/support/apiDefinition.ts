/** Docker's API definition, and whether a response is what it says. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./daemon.ts";
import { parseYamlSubset } from "./yamlSubset.ts";

type Schema = Readonly<Record<string, unknown>>;

const FILE = "shared/spec/docker-engine-api-v1.56.yaml";

/** Beside the repository, or beside the folder that worktrees of it lie in; undefined where there is none. */
function findDefinition(): string | undefined {
  return [join(ROOT, "..", FILE), join(ROOT, "../..", FILE)].find((path) => existsSync(path));
}

const isObject = (value: unknown): value is Schema =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function child(value: unknown, ...path: readonly string[]): Schema {
  const found = path.reduce<unknown>((at, key) => (isObject(at) ? at[key] : undefined), value);
  return isObject(found) ? found : {};
}

const textsOf = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];

const TYPES: Readonly<Record<string, (value: unknown) => boolean>> = {
  string: (value) => typeof value === "string",
  boolean: (value) => typeof value === "boolean",
  integer: (value) => Number.isInteger(value),
  number: (value) => typeof value === "number",
  array: Array.isArray,
  object: isObject,
};

/** Where dockerd itself answers null to what the definition calls a number: pointers of Go. */
const NULL_NUMBERS: ReadonlySet<string> = new Set(["HostConfig.MemorySwappiness", "ExitCode"]);

/** What is wrong with a response. */
export interface Findings {
  /** Values of another type than documented, unknown enum values, required fields that are not there. */
  readonly wrong: readonly string[];
  /** Documented fields that are not there, though not required: `HostConfig.Mounts`. */
  readonly absent: readonly string[];
}

/** The definition, read once. */
class ApiDefinition {
  readonly #root: Schema;

  constructor(text: string) {
    const root = parseYamlSubset(text);
    this.#root = isObject(root) ? root : {};
  }

  /** Every operation: `GET /containers/json`. */
  operations(): readonly string[] {
    return Object.entries(child(this.#root, "paths")).flatMap(([path, operations]) =>
      Object.keys(isObject(operations) ? operations : {}).map((method) => `${method.toUpperCase()} ${path}`),
    );
  }

  /** A response's body against the schema of `GET /containers/json` and the like; the path with its `{…}`. */
  check(method: string, path: string, response: { readonly status: number; readonly body: unknown }): Findings {
    const operation = child(this.#root, "paths", path, method.toLowerCase());
    const responses = child(operation, "responses");
    if (Object.keys(responses).length === 0) throw new Error(`${method} ${path} is not in the definition`);
    const resolve = (reference: string): Schema => child(this.#root, ...reference.replace("#/", "").split("/"));
    const given = responses[String(response.status)];
    if (given === undefined) return { wrong: [`status ${response.status} is not documented`], absent: [] };
    const reference = child(responses, String(response.status))["$ref"];
    const schema = schemaOf(typeof reference === "string" ? resolve(reference) : given);
    const walk = new Walk(resolve);
    if (Object.keys(schema).length > 0) walk.value(response.body, schema, "");
    return { wrong: walk.wrong, absent: [...new Set(walk.absent)] };
  }
}

/** Of a response: OpenAPI 2 has one, OpenAPI 3 one for each media type, of which ours has one. */
function schemaOf(response: unknown): Schema {
  const [content] = Object.values(child(response, "content"));
  return content === undefined ? child(response, "schema") : child(content, "schema");
}

/** One value against one schema, everything below included. */
class Walk {
  readonly wrong: string[] = [];
  readonly absent: string[] = [];
  readonly #resolve: (reference: string) => Schema;

  constructor(resolve: (reference: string) => Schema) {
    this.#resolve = resolve;
  }

  value(value: unknown, given: Schema, at: string): void {
    const schema = this.#flatten(given);
    const type = typeof schema["type"] === "string" ? schema["type"] : undefined;
    // Go writes an empty list, map or pointer as null, which the definition mostly does not tell.
    if (value === null) {
      const may = schema["x-nullable"] === true || type === "array" || type === "object" || NULL_NUMBERS.has(at);
      if (!may) this.wrong.push(`${at}: null`);
      return;
    }
    if (type !== undefined && TYPES[type]?.(value) === false) {
      this.wrong.push(`${at}: ${JSON.stringify(value)?.slice(0, 60)} is no ${type}`);
      return;
    }
    const known = schema["enum"];
    if (typeof value === "string" && Array.isArray(known) && known.length > 0 && !known.includes(value)) {
      this.wrong.push(`${at}: ${JSON.stringify(value)} is none of ${JSON.stringify(known)}`);
    }
    if (Array.isArray(value)) {
      for (const item of value) this.value(item, child(schema, "items"), `${at}[]`);
    } else if (isObject(value)) this.#object(value, schema, at);
  }

  #object(value: Schema, schema: Schema, at: string): void {
    const properties = child(schema, "properties");
    const required = textsOf(schema["required"]);
    const path = (name: string): string => (at === "" ? name : `${at}.${name}`);
    for (const [name, property] of Object.entries(properties)) {
      if (name in value) this.value(value[name], isObject(property) ? property : {}, path(name));
      else if (required.includes(name)) this.wrong.push(`${path(name)}: required, but absent`);
      else this.absent.push(path(name));
    }
    const more = schema["additionalProperties"];
    if (more === false)
      for (const name of Object.keys(value))
        if (!(name in properties)) this.wrong.push(`${path(name)}: not documented`);
    if (!isObject(more)) return;
    for (const name of Object.keys(value)) {
      if (!(name in properties)) this.value(value[name], more, path("*"));
    }
  }

  /** `$ref` and `allOf` are replaced by what they stand for. */
  #flatten(schema: Schema): Schema {
    const reference = schema["$ref"];
    if (typeof reference === "string")
      return this.#flatten({ ...this.#resolve(reference), ...without(schema, "$ref") });
    const parts = schema["allOf"];
    if (!Array.isArray(parts)) return schema;
    const flat = parts.filter(isObject).map((part) => this.#flatten(part));
    return {
      ...Object.assign({}, ...flat),
      ...without(schema, "allOf"),
      properties: Object.assign({}, ...flat.map((part) => child(part, "properties")), child(schema, "properties")),
      required: [...flat, schema].flatMap((part) => textsOf(part["required"])),
    } as Schema;
  }
}

function without(schema: Schema, key: string): Schema {
  return Object.fromEntries(Object.entries(schema).filter(([name]) => name !== key));
}

/** Of varve's own calls. */
export function openOwnDefinition(): ApiDefinition {
  return new ApiDefinition(readFileSync(join(ROOT, "docs/openapi.yaml"), "utf8"));
}

/** Undefined where the definition is not at hand: say then how many cases are left out. */
export function openDefinition(): ApiDefinition | undefined {
  const path = findDefinition();
  return path === undefined ? undefined : new ApiDefinition(readFileSync(path, "utf8"));
}
