import type { Branch, Command, Expression, Pipe, TemplateNode } from "./ast.ts";
import { lex } from "./lexer.ts";
import type { Token, TokenKind } from "./lexer.ts";
import { parseNumber, unquote } from "./literals.ts";
import { parseError } from "./templateError.ts";

const OPERAND_START: ReadonlySet<TokenKind> = new Set([
  "identifier",
  "field",
  "variable",
  "dot",
  "nil",
  "bool",
  "number",
  "char",
  "string",
  "rawString",
  "leftParen",
]);

const shown = (token: Token): string =>
  token.kind === "end"
    ? "EOF"
    : token.kind === "keyword" || token.text === "."
      ? `<${token.text}>`
      : token.text.length > 10
        ? `${JSON.stringify(token.text.slice(0, 10))}...`
        : JSON.stringify(token.text);

/** Recursive descent over the tokens; knows which functions and variables exist, as Go's parser does. */
class Parser {
  readonly #name: string;
  readonly #tokens: readonly Token[];
  readonly #isFunction: (name: string) => boolean;
  #next = 0;
  #variables: string[] = ["$"];
  #rangeDepth = 0;

  constructor(name: string, tokens: readonly Token[], isFunction: (name: string) => boolean) {
    this.#name = name;
    this.#tokens = tokens;
    this.#isFunction = isFunction;
  }

  run(): readonly TemplateNode[] {
    const { nodes, stop } = this.#list();
    if (stop !== "end of text") throw this.#error(`unexpected {{${stop}}}`);
    return nodes;
  }

  #list(): { readonly nodes: readonly TemplateNode[]; readonly stop: "else" | "end" | "end of text" } {
    const nodes: TemplateNode[] = [];
    for (;;) {
      const token = this.#take();
      if (token.kind === "end") return { nodes, stop: "end of text" };
      if (token.kind === "text") {
        nodes.push({ kind: "text", text: token.text });
        continue;
      }
      const first = this.#peekSolid();
      if (first.kind === "keyword" && (first.text === "end" || first.text === "else")) {
        this.#take();
        return { nodes, stop: first.text };
      }
      nodes.push(this.#action(first));
    }
  }

  #action(first: Token): TemplateNode {
    if (first.kind !== "keyword") return { kind: "action", pipe: this.#pipe("command", "close") };
    this.#take();
    switch (first.text) {
      case "if":
      case "with":
      case "range":
        return this.#branch(first.text);
      case "break":
      case "continue":
        if (this.#rangeDepth === 0) throw this.#error(`{{${first.text}}} outside {{range}}`);
        this.#closeAfter(first.text);
        return { kind: first.text };
      default:
        throw this.#error(`unexpected {{${first.text}}}`);
    }
  }

  #branch(kind: "if" | "with" | "range"): TemplateNode {
    const scope = this.#variables.length;
    const branch = this.#branchParts(kind);
    this.#variables = this.#variables.slice(0, scope);
    return { kind, ...branch };
  }

  #branchParts(kind: "if" | "with" | "range"): Branch {
    const pipe = this.#pipe(kind, "close");
    if (kind === "range") this.#rangeDepth += 1;
    const { nodes: list, stop } = this.#list();
    if (kind === "range") this.#rangeDepth -= 1;
    if (stop === "end of text") throw this.#error("unexpected EOF");
    if (stop === "end") {
      this.#closeAfter("end");
      return { pipe, list, elseList: [] };
    }
    const next = this.#peekSolid();
    if (next.kind === "keyword" && next.text === kind && kind !== "range") {
      this.#take();
      return { pipe, list, elseList: [this.#branch(kind)] };
    }
    this.#closeAfter("else");
    const { nodes: elseList, stop: elseStop } = this.#list();
    if (elseStop === "else") throw this.#error("expected end; found {{else}}");
    if (elseStop === "end of text") throw this.#error("unexpected EOF");
    this.#closeAfter("end");
    return { pipe, list, elseList };
  }

  #closeAfter(context: string): void {
    const token = this.#takeSolid();
    if (token.kind !== "close") throw this.#error(`unexpected ${shown(token)} in ${context}`);
  }

  #pipe(context: string, end: "close" | "rightParen"): Pipe {
    const start = this.#peekSolid();
    const { variables, assigns } = this.#declarations(context);
    const commands: Command[] = [];
    for (;;) {
      const token = this.#peekSolid();
      if (token.kind === end) {
        this.#take();
        break;
      }
      if (!OPERAND_START.has(token.kind)) throw this.#error(`unexpected ${shown(token)} in ${context}`);
      commands.push(this.#command());
    }
    this.#checkPipe(commands, context);
    const declared = variables.length === 0 ? "" : `${variables.join(", ")} ${assigns ? "=" : ":="} `;
    const text = declared + commands.map((command) => command.text).join(" | ");
    return { position: start.position, text, variables, assigns, commands };
  }

  #checkPipe(commands: readonly Command[], context: string): void {
    if (commands.length === 0) throw this.#error(`missing value for ${context}`);
    commands.slice(1).forEach((command, index) => {
      const kind = command.args[0]?.kind;
      if (kind === "bool" || kind === "dot" || kind === "nil" || kind === "number" || kind === "string") {
        throw this.#error(`non executable command in pipeline stage ${index + 2}`);
      }
    });
  }

  #declarations(context: string): { readonly variables: string[]; readonly assigns: boolean } {
    const variables: string[] = [];
    const start = this.#next;
    while (this.#peekSolid().kind === "variable") {
      variables.push(this.#take().text);
      const after = this.#peekSolid();
      if (after.kind === "assign" || after.kind === "declare") {
        this.#take();
        return this.#declared(variables, after.kind === "assign");
      }
      if (after.kind !== "comma" || context !== "range" || variables.length > 1) break;
      this.#take();
    }
    this.#next = start;
    return { variables: [], assigns: false };
  }

  #declared(variables: string[], assigns: boolean): { variables: string[]; assigns: boolean } {
    for (const name of variables) {
      if (assigns) this.#needVariable(name);
      else this.#variables.push(name);
    }
    return { variables, assigns };
  }

  #command(): Command {
    const args: Expression[] = [];
    const position = this.#peekSolid().position;
    for (;;) {
      const token = this.#peekSolid();
      if (OPERAND_START.has(token.kind)) args.push(this.#operand());
      const after = this.#peek();
      if (after.kind === "space") continue;
      if (after.kind === "pipe") {
        this.#take();
        break;
      }
      if (after.kind === "close" || after.kind === "rightParen") break;
      throw this.#error(`unexpected ${shown(after)} in operand`);
    }
    if (args.length === 0) throw this.#error("empty command");
    return { position, text: args.map((arg) => arg.text).join(" "), args };
  }

  #operand(): Expression {
    const base = this.#term();
    const first = this.#peek();
    if (first.kind !== "field") return base;
    const names: string[] = [];
    while (this.#peek().kind === "field") names.push(this.#take().text.slice(1));
    const suffix = names.map((name) => `.${name}`).join("");
    // Go places a field or variable with several names at its second name; messages show that column.
    const place = { position: first.position, text: base.text + suffix };
    if (base.kind === "field" || base.kind === "variable") {
      return { ...base, ...place, names: [...base.names, ...names] };
    }
    if (base.kind === "chain" || base.kind === "pipe" || base.kind === "identifier") {
      return { kind: "chain", base, names, ...place };
    }
    throw this.#error(`unexpected . after term ${JSON.stringify(base.text)}`);
  }

  #term(): Expression {
    const token = this.#takeSolid();
    const place = { position: token.position, text: token.text };
    if (token.kind === "identifier") {
      if (!this.#isFunction(token.text)) throw this.#error(`function ${JSON.stringify(token.text)} not defined`);
      return { kind: "identifier", name: token.text, ...place };
    }
    if (token.kind === "field") return { kind: "field", names: [token.text.slice(1)], ...place };
    if (token.kind === "variable") {
      this.#needVariable(token.text);
      return { kind: "variable", name: token.text, names: [], ...place };
    }
    if (token.kind === "dot" || token.kind === "nil") return { kind: token.kind, ...place };
    if (token.kind === "bool") return { kind: "bool", value: token.text === "true", ...place };
    if (token.kind !== "leftParen") return this.#literal(token);
    const pipe = this.#pipe("parenthesized pipeline", "rightParen");
    return { kind: "pipe", pipe, position: pipe.position, text: `(${pipe.text})` };
  }

  #literal(token: Token): Expression {
    const place = { position: token.position, text: token.text };
    if (token.kind === "rawString") return { kind: "string", value: token.text.slice(1, -1), ...place };
    const inside = token.kind === "string" || token.kind === "char" ? unquote(token.text.slice(1, -1)) : undefined;
    if (token.kind === "string" && inside !== undefined) return { kind: "string", value: inside, ...place };
    if (token.kind === "char" && inside !== undefined && Array.from(inside).length === 1) {
      return { kind: "number", value: inside.codePointAt(0) ?? 0, isFloat: false, ...place };
    }
    const number = token.kind === "number" ? parseNumber(token.text) : undefined;
    if (number !== undefined) return { kind: "number", ...number, ...place };
    if (token.kind === "string") throw this.#error("invalid syntax");
    if (token.kind === "char") throw this.#error(`malformed character constant: ${token.text}`);
    throw this.#error(`illegal number syntax: ${JSON.stringify(token.text)}`);
  }

  #needVariable(name: string): void {
    if (!this.#variables.includes(name)) throw this.#error(`undefined variable ${JSON.stringify(name)}`);
  }

  #peek(): Token {
    const token = this.#tokens[Math.min(this.#next, this.#tokens.length - 1)];
    if (token === undefined) throw new Error("a template always ends with an end token");
    return token;
  }

  #take(): Token {
    const token = this.#peek();
    this.#next += 1;
    return token;
  }

  #peekSolid(): Token {
    while (this.#peek().kind === "space") this.#next += 1;
    return this.#peek();
  }

  #takeSolid(): Token {
    this.#peekSolid();
    return this.#take();
  }

  #error(message: string): Error {
    const token = this.#tokens[Math.max(0, Math.min(this.#next, this.#tokens.length) - 1)];
    return parseError(this.#name, token?.line ?? 1, message);
  }
}

/** @throws {invalid_argument} in Go's words, e.g. `function "foo" not defined`, `unexpected {{end}}`. */
export function parse(name: string, text: string, isFunction: (name: string) => boolean): readonly TemplateNode[] {
  return new Parser(name, lex(name, text), isFunction).run();
}
