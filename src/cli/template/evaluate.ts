import { messageOf } from "#errors";
import type { Branch, Command, Expression, Pipe, TemplateNode } from "./ast.ts";
import type { FunctionTable, TemplateFunction } from "./functions.ts";
import { goString } from "./goFormat.ts";
import { executionError } from "./templateError.ts";
import { GoStruct, isList, isMap, isTrue, sortedKeys, typeName } from "./value.ts";
import type { GoValue } from "./value.ts";

/** What a run of a template depends on beside its data. */
export interface EvaluationRules {
  readonly functions: FunctionTable;
  /** A key that a map lacks: `<no value>`, or a failure (Go's `missingkey=error`). */
  readonly missingKey: "default" | "error";
}

/** A template's text and the name that messages give it. */
export interface NamedSource {
  readonly name: string;
  readonly source: string;
}

type Place = Pick<Expression, "position" | "text">;
type Flow = "next" | "break" | "continue";

interface Variable {
  readonly name: string;
  value: GoValue;
}

const NO_FINAL: unique symbol = Symbol("no value came down the pipe");
type Final = GoValue | typeof NO_FINAL;

/** One run of one template over one value. @see Go text/template/exec.go */
class Evaluator {
  readonly #template: NamedSource;
  readonly #rules: EvaluationRules;
  readonly #variables: Variable[];
  readonly #out: string[] = [];

  constructor(template: NamedSource, rules: EvaluationRules, data: GoValue) {
    this.#template = template;
    this.#rules = rules;
    this.#variables = [{ name: "$", value: data }];
  }

  run(nodes: readonly TemplateNode[], data: GoValue): string {
    this.#walkAll(nodes, data);
    return this.#out.join("");
  }

  #walkAll(nodes: readonly TemplateNode[], dot: GoValue): Flow {
    for (const node of nodes) {
      const flow = this.#walk(node, dot);
      if (flow !== "next") return flow;
    }
    return "next";
  }

  #walk(node: TemplateNode, dot: GoValue): Flow {
    switch (node.kind) {
      case "text":
        this.#out.push(node.text);
        return "next";
      case "action": {
        const value = this.#pipe(node.pipe, dot);
        if (node.pipe.variables.length === 0) this.#out.push(this.#isAbsent(value) ? "<no value>" : goString(value));
        return "next";
      }
      case "if":
      case "with":
        return this.#scoped(() => this.#condition(node, dot));
      case "range":
        return this.#scoped(() => this.#range(node, dot));
      case "break":
      case "continue":
        return node.kind;
    }
  }

  #scoped(body: () => Flow): Flow {
    const mark = this.#variables.length;
    const flow = body();
    this.#variables.length = mark;
    return flow;
  }

  #condition(node: Branch & { readonly kind: "if" | "with" | "range" }, dot: GoValue): Flow {
    const value = this.#pipe(node.pipe, dot);
    if (isTrue(value)) return this.#walkAll(node.list, node.kind === "with" ? value : dot);
    return this.#walkAll(node.elseList, dot);
  }

  #range(node: Branch, dot: GoValue): Flow {
    const value = this.#pipe(node.pipe, dot);
    const pairs = this.#pairs(value, node.pipe);
    if (pairs.length === 0) return this.#walkAll(node.elseList, dot);
    const mark = this.#variables.length;
    for (const [key, item] of pairs) {
      this.#setRangeVariables(node.pipe, mark, key, item);
      const flow = this.#walkAll(node.list, item);
      this.#variables.length = mark;
      if (flow === "break") break;
    }
    return "next";
  }

  /** `range $v := …` sets the item, `range $k, $v := …` key and item; the pipe has declared them already. */
  #setRangeVariables(pipe: Pipe, mark: number, key: GoValue, item: GoValue): void {
    const values = pipe.variables.length === 1 ? [item] : [key, item];
    pipe.variables.forEach((name, index) => {
      const place = pipe.assigns ? this.#find(name) : this.#variables[mark - pipe.variables.length + index];
      if (place !== undefined) place.value = values[index];
    });
  }

  #pairs(value: GoValue, pipe: Pipe): readonly (readonly [GoValue, GoValue])[] {
    if (value === undefined || value === null) return [];
    if (isList(value)) return value.map((item, index) => [index, item]);
    if (isMap(value)) return sortedKeys(value).map((key) => [key, value[key]]);
    if (typeof value === "number" && Number.isInteger(value)) {
      return Array.from({ length: Math.max(0, value) }, (_none, index) => [index, index]);
    }
    throw this.#error(pipe, `range can't iterate over ${goString(value)}`);
  }

  #pipe(pipe: Pipe, dot: GoValue): GoValue {
    let value: Final = NO_FINAL;
    for (const command of pipe.commands) value = this.#command(command, dot, value);
    const result = value === NO_FINAL ? undefined : value;
    for (const name of pipe.variables) {
      const known = pipe.assigns ? this.#find(name) : undefined;
      if (known === undefined) this.#variables.push({ name, value: result });
      else known.value = result;
    }
    return result;
  }

  #command(command: Command, dot: GoValue, final: Final): GoValue {
    const [first, ...rest] = command.args;
    if (first === undefined) return undefined;
    if (first.kind === "identifier") return this.#call(first.name, { place: first, command }, rest, { dot, final });
    const isMethod = first.kind === "field" || first.kind === "variable" || first.kind === "chain";
    if (!isMethod && (rest.length > 0 || final !== NO_FINAL)) {
      throw this.#error(first, `can't give argument to non-function ${first.text}`);
    }
    if (first.kind === "nil") throw this.#error(first, "nil is not a command");
    if (first.kind === "field" && rest.length === 1) {
      const method = this.#method(first, dot);
      const argument = method === undefined ? undefined : this.#argument(rest[0] ?? first, "string", dot);
      if (method !== undefined && typeof argument === "string") return method(argument);
    }
    const value = this.#operand(first, dot);
    if (isMethod && (rest.length > 0 || final !== NO_FINAL)) {
      throw this.#error(first, `${first.names.at(-1) ?? first.text} is not a method but has arguments`);
    }
    return value;
  }

  #method(node: Expression & { readonly kind: "field" }, dot: GoValue): ((argument: string) => GoValue) | undefined {
    const receiver = this.#fields(dot, node.names.slice(0, -1), node);
    return receiver instanceof GoStruct ? receiver.field(node.names.at(-1) ?? "")?.call : undefined;
  }

  #operand(node: Expression, dot: GoValue): GoValue {
    switch (node.kind) {
      case "dot":
        return dot;
      case "nil":
        return null;
      case "bool":
      case "number":
      case "string":
        return node.value;
      case "field":
        return this.#fields(dot, node.names, node);
      case "variable":
        return this.#fields(this.#find(node.name)?.value, node.names, node);
      case "pipe":
        return this.#pipe(node.pipe, dot);
      case "chain":
        return this.#fields(this.#operand(node.base, dot), node.names, node);
      case "identifier":
        return this.#call(node.name, { place: node, command: node }, [], { dot, final: NO_FINAL });
    }
  }

  /** In bare JSON, which is read with `missingkey=error`, a null is no value; in a struct it is a nil pointer. */
  #isAbsent(value: GoValue): boolean {
    return value === undefined || (value === null && this.#rules.missingKey === "error");
  }

  #fields(value: GoValue, names: readonly string[], node: Place): GoValue {
    return names.reduce((receiver, name) => this.#field(receiver, name, node), value);
  }

  #field(receiver: GoValue, name: string, node: Place): GoValue {
    if (receiver instanceof GoStruct) {
      const field = receiver.field(name);
      if (field !== undefined) return field.get();
      throw this.#error(node, `can't evaluate field ${name} in type ${receiver.typeName}`);
    }
    if (isMap(receiver)) {
      if (Object.hasOwn(receiver, name)) return receiver[name];
      if (this.#rules.missingKey === "default") return undefined;
      throw this.#error(node, `map has no entry for key ${JSON.stringify(name)}`);
    }
    if (receiver === undefined) {
      if (this.#rules.missingKey === "default") return undefined;
      throw this.#error(node, `nil data; no entry for key ${JSON.stringify(name)}`);
    }
    if (receiver === null) throw this.#error(node, `nil pointer evaluating interface {}.${name}`);
    throw this.#error(node, `can't evaluate field ${name} in type ${typeName(receiver)}`);
  }

  #call(
    name: string,
    at: { readonly place: Place; readonly command: Place },
    args: readonly Expression[],
    input: { readonly dot: GoValue; readonly final: Final },
  ): GoValue {
    if (name === "and" || name === "or") return this.#logic(name, at.place, args, input);
    const known = this.#rules.functions[name];
    if (known === undefined) throw this.#error(at.place, `${JSON.stringify(name)} is not a defined function`);
    const { final } = input;
    this.#checkCount(known, name, at.place, args.length + (final === NO_FINAL ? 0 : 1));
    const values = args.map((arg, index) => this.#argument(arg, parameterAt(known, index), input.dot));
    if (final !== NO_FINAL) {
      this.#checkType(final, parameterAt(known, args.length), at.place);
      values.push(final);
    }
    try {
      return known.call(...values);
    } catch (error) {
      const place = { position: at.place.position, text: at.command.text };
      throw this.#error(place, `error calling ${name}: ${messageOf(error)}`);
    }
  }

  #logic(
    name: "and" | "or",
    place: Place,
    args: readonly Expression[],
    input: { readonly dot: GoValue; readonly final: Final },
  ): GoValue {
    if (args.length === 0 && input.final === NO_FINAL) {
      throw this.#error(place, `wrong number of args for ${name}: want at least 1 got 0`);
    }
    let value: GoValue;
    for (const arg of args) {
      value = this.#operand(arg, input.dot);
      if (isTrue(value) === (name === "or")) return value;
    }
    return input.final === NO_FINAL ? value : input.final;
  }

  #checkCount(known: TemplateFunction, name: string, place: Place, count: number): void {
    const least = known.variadic === true ? known.parameters.length - 1 : known.parameters.length;
    if (known.variadic === true && count < least) {
      throw this.#error(place, `wrong number of args for ${name}: want at least ${least} got ${count}`);
    }
    if (known.variadic !== true && count !== least) {
      throw this.#error(place, `wrong number of args for ${name}: want ${least} got ${count}`);
    }
  }

  #argument(node: Expression, parameter: string, dot: GoValue): GoValue {
    if (parameter === "string" && (node.kind === "number" || node.kind === "bool")) {
      throw this.#error(node, `expected string; found ${node.text}`);
    }
    if (parameter === "int" && (node.kind === "string" || node.kind === "bool")) {
      throw this.#error(node, `expected integer; found ${node.text}`);
    }
    const value = this.#operand(node, dot);
    this.#checkType(value, parameter, node);
    return value;
  }

  #checkType(value: GoValue, parameter: string, place: Place): void {
    const fits =
      parameter === "any" ||
      (parameter === "string" && typeof value === "string") ||
      (parameter === "int" && (typeof value === "number" || typeof value === "bigint"));
    if (fits) return;
    if (value === undefined || value === null) {
      throw this.#error(place, `invalid value; expected ${parameter}`);
    }
    throw this.#error(place, `wrong type for value; expected ${parameter}; got ${typeName(value)}`);
  }

  #find(name: string): Variable | undefined {
    return this.#variables.findLast((variable) => variable.name === name);
  }

  #error(place: Place, message: string): Error {
    return executionError(this.#template, place, message, this.#out.join(""));
  }
}

function parameterAt(known: TemplateFunction, index: number): string {
  return known.parameters[Math.min(index, known.parameters.length - 1)] ?? "any";
}

/** @throws {invalid_argument} in Go's words when a field, argument or key does not fit the data. */
export function evaluate(
  template: NamedSource,
  nodes: readonly TemplateNode[],
  data: GoValue,
  rules: EvaluationRules,
): string {
  return new Evaluator(template, rules, data).run(nodes, data);
}
