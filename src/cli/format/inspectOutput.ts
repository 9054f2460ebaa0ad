import { messageOf } from "#errors";
import { parseTemplate } from "../template/template.ts";
import type { Template } from "../template/template.ts";
import { parseGoJson } from "../template/value.ts";
import { shaped } from "./shape.ts";
import type { StructShape } from "./shape.ts";

/** One object as the daemon sent it, and the Go struct that Docker's client reads it into, where that matters. */
export interface Inspected {
  readonly raw: string;
  readonly shape?: StructShape;
}

const INDENT = "    ";

/** Go's json.Indent: whitespace only, so that numbers and escapes stay as they came. */
export function indentJson(raw: string, indent: string = INDENT): string {
  let depth = 0;
  const newline = (): string => `\n${indent.repeat(depth)}`;
  // One alternative a token: strings first, so that nothing inside them is touched.
  return raw.trim().replace(/"(?:[^"\\]|\\.)*"|[{[]\s*[}\]]|[{}[\],:]|\s+/g, (token) => {
    if (token.startsWith('"')) return token;
    if (/^\s/.test(token)) return "";
    if (token.length > 1) return token.replace(/\s+/g, "");
    if (token === ":") return ": ";
    if (token === ",") return `,${newline()}`;
    if (token === "{" || token === "[") {
      depth += 1;
      return token + newline();
    }
    depth -= 1;
    return newline() + token;
  });
}

/** First on the struct, then, when that fails, on the bare JSON, where a missing key is an error. */
function execute(template: Template, object: Inspected): string {
  const value = parseGoJson(object.raw);
  if (object.shape !== undefined) {
    try {
      return template.execute(shaped(value, object.shape));
    } catch {
      // `.Id` is a key of the JSON and no field of the struct; the bare JSON decides.
    }
  }
  return template.execute(value, "error");
}

/**
 * What `inspect` prints: indented JSON, one line of JSON (`json`), or a template per object. A template that fails on an
 * object leaves an empty line, and its error is the failure.
 */
export function renderInspect(
  objects: readonly Inspected[],
  wish: string,
): { readonly text: string; readonly failure?: string } {
  if (wish === "") {
    const list = objects.length === 0 ? "[]" : indentJson(`[${objects.map((object) => object.raw).join(",")}]`);
    return { text: `${list}\n` };
  }
  if (wish === "json") return { text: `[${objects.map((object) => object.raw.trim()).join(",")}]\n` };
  const template = parseTemplate(wish.replaceAll("\\t", "\t").replaceAll("\\n", "\n"));
  let text = "";
  for (const object of objects) {
    try {
      text += `${execute(template, object)}\n`;
    } catch (error) {
      return { text: `${text}\n`, failure: messageOf(error) };
    }
  }
  return { text: objects.length === 0 ? "\n" : text };
}
