import type { TemplateNode } from "./ast.ts";
import { evaluate } from "./evaluate.ts";
import { FUNCTIONS, HEADER_FUNCTIONS } from "./functions.ts";
import type { FunctionTable } from "./functions.ts";
import { parse } from "./parser.ts";
import type { GoValue } from "./value.ts";

/** A parsed Go template (text/template without define, block and template). */
export interface Template {
  /** @throws {invalid_argument} `template parsing error: template: :1:2: executing "" at <.Foo>: …`. */
  execute(data: GoValue, missingKey?: "default" | "error"): string;
  /** The header row: `titles` maps field names to column titles; functions that change text leave titles alone. */
  executeHeader(titles: GoValue): string;
}

/** `name` stands in messages; `own` functions stand beside Docker's. @throws {invalid_argument} `template parsing error: template: :1: …` in Go's words. */
export function parseTemplate(source: string, name = "", own: FunctionTable = {}): Template {
  const functions: FunctionTable = { ...FUNCTIONS, ...own };
  const isFunction = (name: string): boolean => name === "and" || name === "or" || Object.hasOwn(functions, name);
  const nodes: readonly TemplateNode[] = parse(name, source, isFunction);
  return {
    execute: (data, missingKey = "default") => evaluate({ name, source }, nodes, data, { functions, missingKey }),
    executeHeader: (titles) =>
      evaluate({ name, source }, nodes, titles, { functions: HEADER_FUNCTIONS, missingKey: "default" }),
  };
}
