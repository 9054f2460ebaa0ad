import { GoStruct, isMap } from "../template/value.ts";
import type { GoValue } from "../template/value.ts";

/** A Go type, as far as templates notice it: what an absent field reads as, and in which order a struct prints. */
export type Shape = "string" | "int" | "bool" | "list" | "map" | "pointer" | StructShape;

/** A Go struct: its name in messages and its fields in order. */
export interface StructShape {
  readonly typeName: string;
  readonly fields: readonly FieldShape[];
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
      shape: shape as Exclude<Shape, StructShape>,
      ...(omit ? { omit } : {}),
    };
  });
}

const ZERO: Readonly<Record<Exclude<Shape, StructShape>, GoValue>> = {
  string: "",
  int: 0,
  bool: false,
  list: [],
  map: {},
  pointer: null,
};

/** JSON as a Go struct of this shape would hold it; keys that the shape lacks are dropped, as encoding/json does. */
export function shaped(value: GoValue, shape: StructShape): GoStruct {
  const source = isMap(value) ? value : {};
  return new GoStruct(
    shape.typeName,
    shape.fields.map((field) => {
      const inner = source[field.json ?? field.name];
      const filled = (): GoValue => {
        if (typeof field.shape === "object") return shaped(inner, field.shape);
        return inner ?? ZERO[field.shape];
      };
      return {
        name: field.name,
        json: field.json ?? field.name,
        get: filled,
        omitEmpty: field.omit === true,
      };
    }),
  );
}
