import { goDuration } from "./goDuration.ts";
import { GoStruct, isList, isMap, NIL_LIST, NIL_MAP } from "../template/value.ts";
import type { GoField, GoValue } from "../template/value.ts";

/** A Go type, as far as templates notice it: what an absent field reads as, and in which order a struct prints. */
export type Shape = PlainShape | StructShape | CollectionShape;

type PlainShape = "string" | "int" | "bool" | "list" | "map" | "pointer" | "time" | "duration";

/** A list or map whose values have a shape, or a pointer to what has one. */
export interface CollectionShape {
  readonly of: "list" | "map" | "pointer";
  readonly each: Shape;
}

/** A Go struct: its name in messages and its fields in order. */
export interface StructShape {
  readonly typeName: string;
  readonly fields: readonly FieldShape[];
  /** Its method `String`, if it has one. */
  readonly say?: (value: { readonly [key: string]: GoValue }) => string;
}

/** Go name, shape; the JSON name where it differs; `omit` for `omitempty`. */
export interface FieldShape {
  readonly name: string;
  readonly shape: Shape;
  readonly json?: string;
  readonly omit?: boolean;
}

/** `"Name:shape"` with `?` for omitempty, e.g. `"Variant?:string"`; structs are given beside. */
export function fields(...list: readonly (string | FieldShape)[]): readonly FieldShape[] {
  return list.map((item) => {
    if (typeof item !== "string") return item;
    const [name = "", shape = ""] = item.split(":");
    const omit = name.endsWith("?");
    return {
      name: omit ? name.slice(0, -1) : name,
      shape: shape as PlainShape,
      ...(omit ? { omit } : {}),
    };
  });
}

const ZERO: Readonly<Record<PlainShape, GoValue>> = {
  string: "",
  int: 0,
  bool: false,
  list: NIL_LIST,
  map: NIL_MAP,
  pointer: null,
  time: "",
  duration: "0s",
};

/** RFC 3339 in UTC, as the API writes it → Go's own print of a time. */
export function goTimeOf(text: string): string {
  const [, day = "", time = "", fraction = ""] = /^(.+)T([\d:]+)(?:\.(\d+))?Z$/.exec(text) ?? [];
  const digits = fraction.replace(/0+$/, "");
  return day === "" ? text : `${day} ${time}${digits === "" ? "" : `.${digits}`} +0000 UTC`;
}

function collected(value: GoValue, { of, each }: CollectionShape): GoValue {
  if (of === "pointer") return value === undefined || value === null ? null : filled(value, each);
  if (of === "list") return isList(value) ? value.map((item) => filled(item, each)) : NIL_LIST;
  if (!isMap(value)) return NIL_MAP;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, filled(item, each)]));
}

function filled(value: GoValue, shape: Shape): GoValue {
  if (shape === "time") return typeof value === "string" ? goTimeOf(value) : "";
  if (shape === "duration") return goDuration(Number(value ?? 0));
  if (typeof shape === "string") return value ?? ZERO[shape];
  return "of" in shape ? collected(value, shape) : shaped(value, shape);
}

/** What JSON holds of a value that prints as a text. */
function inJson(value: GoValue, shape: Shape): { readonly inJson?: () => GoValue } {
  if (shape === "time") return { inJson: () => value };
  return shape === "duration" ? { inJson: () => value ?? 0 } : {};
}

/** A struct that says itself what it is. */
class SayingStruct extends GoStruct {
  readonly #say: () => string;

  constructor(typeName: string, all: readonly GoField[], say: () => string) {
    super(typeName, all);
    this.#say = say;
  }

  override get said(): string {
    return this.#say();
  }
}

/** JSON as a Go struct of this shape would hold it; keys that the shape lacks are dropped, as encoding/json does. */
export function shaped(value: GoValue, shape: StructShape): GoStruct {
  const source = isMap(value) ? value : {};
  const { typeName, say } = shape;
  const all = shape.fields.map((field) => {
    const inner = source[field.json ?? field.name];
    return {
      name: field.name,
      json: field.json ?? field.name,
      get: () => filled(inner, field.shape),
      ...inJson(inner, field.shape),
      omitEmpty: field.omit === true,
    };
  });
  return say === undefined ? new GoStruct(typeName, all) : new SayingStruct(typeName, all, () => say(source));
}
