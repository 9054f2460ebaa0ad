import { GoStruct, isList, isTrue, NIL_LIST, NIL_MAP, sortedKeys } from "./value.ts";
import type { GoField, GoValue } from "./value.ts";

function text(value: string, escapesHtml: boolean): string {
  const plain = JSON.stringify(value).replaceAll("\u2028", "\\u2028").replaceAll("\u2029", "\\u2029");
  if (!escapesHtml) return plain;
  return plain.replaceAll("<", "\\u003c").replaceAll(">", "\\u003e").replaceAll("&", "\\u0026");
}

function number(value: number | bigint): string {
  if (typeof value === "bigint" || Number.isSafeInteger(value)) return String(value);
  const size = Math.abs(value);
  const exponent = size !== 0 && (size < 1e-6 || size >= 1e21);
  return exponent ? value.toExponential().replace("e+", "e+") : String(value);
}

// encoding/json leaves out false, 0, "", nil and empty lists and maps; a struct is never empty to it.
const isEmpty = (value: GoValue): boolean => !(value instanceof GoStruct) && !isTrue(value);

function struct(value: GoStruct, escapesHtml: boolean): string {
  const escapes = escapesHtml || value.escapesHtml;
  const pair = (field: GoField): string | undefined => {
    const inner = (field.inJson ?? field.get)();
    if (field.omitEmpty === true && isEmpty(inner)) return undefined;
    return `${text(field.json ?? field.name, escapes)}:${goJson(inner, escapes)}`;
  };
  return `{${value.fields
    .map(pair)
    .filter((part) => part !== undefined)
    .join(",")}}`;
}

/** encoding/json: maps by sorted key, structs in field order; `escapesHtml` as json.Marshal does by default. */
export function goJson(value: GoValue, escapesHtml = false): string {
  if (value === undefined || value === null) return "null";
  if (typeof value === "string") return text(value, escapesHtml);
  if (typeof value === "boolean") return String(value);
  if (typeof value === "number" || typeof value === "bigint") return number(value);
  if (value === NIL_LIST || value === NIL_MAP) return "null";
  if (isList(value)) return `[${value.map((item) => goJson(item, escapesHtml)).join(",")}]`;
  if (value instanceof GoStruct) return struct(value, escapesHtml);
  const pairs = sortedKeys(value).map((key) => `${text(key, escapesHtml)}:${goJson(value[key], escapesHtml)}`);
  return `{${pairs.join(",")}}`;
}
