/**
 * Answers of a daemon against the definitions of the Engine API (Swagger 2.0). The file is no part of this repository: tests
 * read it where a shared folder beside the checkout has it, and say how many cases they left out where it is not there.
 */
import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { parse } from "yaml";
import { ROOT } from "./daemon.ts";

type Json = Readonly<Record<string, unknown>>;

const FILE = "shared/spec/docker-engine-api-v1.56.yaml";
const PLACES = ["..", "../.."].map((up) => resolve(ROOT, up, FILE));

/** Where dockerd's own answers are null though the definitions do not allow it. */
const NULL_IN_DOCKER = /(?:^|\.)MemorySwappiness$/;

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function objectAt(value: unknown, ...keys: readonly string[]): Json {
  let found: unknown = value;
  for (const key of keys) found = isObject(found) ? found[key] : undefined;
  return isObject(found) ? found : {};
}

function typeOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  return Number.isInteger(value) ? "integer" : typeof value;
}

/** The definitions, and what they say against a value. */
export class ApiSpec {
  readonly #document: Json;

  constructor(document: Json) {
    this.#document = document;
  }

  /** What is wrong with the body of an answer, e.g. `State.Pid: string instead of integer`; empty when nothing is. */
  violations(method: string, path: string, answer: { readonly status: number; readonly body: unknown }): string[] {
    const operation = objectAt(this.#document, "paths", path, method.toLowerCase());
    const response = objectAt(operation, "responses", String(answer.status));
    if (Object.keys(response).length === 0) return [`${method} ${path}: no answer ${answer.status} is defined`];
    const schema = response["schema"];
    return isObject(schema) ? this.#check(schema, answer.body, "") : [];
  }

  /** Against one of `definitions`. */
  against(definition: string, value: unknown): string[] {
    return this.#check({ $ref: `#/definitions/${definition}` }, value, "");
  }

  #check(schema: Json, value: unknown, where: string): string[] {
    const reference = schema["$ref"];
    if (typeof reference === "string") {
      // A nullable field says so beside the reference, or in what it refers to.
      const target = objectAt(this.#document, ...reference.replace("#/", "").split("/"));
      return this.#check(schema["x-nullable"] === true ? { ...target, "x-nullable": true } : target, value, where);
    }
    const parts = schema["allOf"];
    if (Array.isArray(parts)) return parts.filter(isObject).flatMap((part) => this.#check(part, value, where));
    if (value === null) return this.#checkNull(schema, where);
    const wanted =
      typeof schema["type"] === "string" ? schema["type"] : isObject(schema["properties"]) ? "object" : undefined;
    const type = typeOf(value);
    if (wanted !== undefined && type !== wanted && !(wanted === "number" && type === "integer")) {
      return [`${where || "body"}: ${type} instead of ${wanted}`];
    }
    return [...this.#checkEnum(schema, value, where), ...this.#checkItems(schema, value, where)];
  }

  /** Go writes an empty slice, map or pointer as null: for those the definitions do not always say so. */
  #checkNull(schema: Json, where: string): string[] {
    if (NULL_IN_DOCKER.test(where)) return [];
    const nullable = schema["x-nullable"] === true || ["array", "object", undefined].includes(String(schema["type"]));
    return nullable || schema["properties"] !== undefined
      ? []
      : [`${where || "body"}: null instead of ${String(schema["type"])}`];
  }

  #checkEnum(schema: Json, value: unknown, where: string): string[] {
    const values: unknown = schema["enum"];
    return !Array.isArray(values) || values.includes(value)
      ? []
      : [`${where}: ${JSON.stringify(value)} is none of ${values.join(", ")}`];
  }

  #checkItems(schema: Json, value: unknown, where: string): string[] {
    if (Array.isArray(value)) {
      const items = schema["items"];
      return isObject(items) ? value.flatMap((item, index) => this.#check(items, item, `${where}[${index}]`)) : [];
    }
    if (!isObject(value)) return [];
    const properties = objectAt(schema, "properties");
    const required = Array.isArray(schema["required"]) ? schema["required"].map(String) : [];
    const missing = required.filter((name) => !(name in value)).map((name) => `${where}.${name} is missing`);
    const rest = schema["additionalProperties"];
    return [
      ...missing,
      ...Object.entries(value).flatMap(([name, item]) => {
        const property = properties[name] ?? rest;
        return isObject(property) ? this.#check(property, item, where === "" ? name : `${where}.${name}`) : [];
      }),
    ];
  }
}

/** Undefined where the definitions are not there. */
export function openApiSpec(): ApiSpec | undefined {
  const file = PLACES.find((path) => existsSync(path));
  if (file === undefined) return undefined;
  const document: unknown = parse(readFileSync(file, "utf8"));
  return isObject(document) ? new ApiSpec(document) : undefined;
}
