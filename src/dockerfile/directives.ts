import type { Directive, DirectiveName } from "./ast.ts";
import { invalidDockerfile } from "./dockerfileError.ts";
import { trimSpace, trimSpaceLeft } from "./goSpace.ts";

const NAMES: readonly DirectiveName[] = ["syntax", "escape", "check"];
const ASSIGNMENT = /^([a-zA-Z][a-zA-Z0-9]*)[\t\n\f\r ]*=(.*)$/s;

/** Directives stand before anything else; the first line that is none ends them. */
export class DirectiveParser {
  readonly #comment: string;
  readonly #seen = new Set<string>();
  #line: number;
  #done = false;

  constructor(comment = "#", line = 0) {
    this.#comment = comment;
    this.#line = line;
  }

  get done(): boolean {
    return this.#done;
  }

  parseLine(line: string): Directive | undefined {
    this.#line += 1;
    if (this.#done) return undefined;
    const match = line.startsWith(this.#comment)
      ? ASSIGNMENT.exec(trimSpaceLeft(line.slice(this.#comment.length)))
      : null;
    const name = NAMES.find((known) => known === match?.[1]?.toLowerCase());
    const value = trimSpace(match?.[2] ?? "");
    if (name === undefined || value === "") {
      this.#done = true;
      return undefined;
    }
    if (this.#seen.has(name)) throw invalidDockerfile(`only one ${name} parser directive can be used`);
    this.#seen.add(name);
    return { name, value, location: { start: this.#line, end: this.#line } };
  }
}

/** What `# syntax=` names: the frontend and the whole value. */
export interface SyntaxDirective {
  readonly reference: string;
  readonly commandLine: string;
}

function findDirective(lines: readonly string[], key: string, parser: DirectiveParser): Directive | undefined {
  try {
    for (const line of lines) {
      const directive = parser.parseLine(line);
      if (directive?.name === key) return directive;
      if (parser.done) return undefined;
    }
  } catch {
    // A doubled directive is told by the parser proper.
  }
  return undefined;
}

function syntaxInJson(text: string): string | undefined {
  if (!text.trimStart().startsWith("{")) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    const syntax: unknown = typeof value === "object" && value !== null ? Reflect.get(value, "syntax") : undefined;
    return typeof syntax === "string" ? syntax : undefined;
  } catch {
    return undefined;
  }
}

/** The first lines of a text: directives of a file as large as it gets stand there. */
function firstLines(text: string): readonly string[] {
  return text.split("\n", 64).map((line) => line.replace(/\r$/, ""));
}

function detectIn(plain: string, key: DirectiveName): Directive | undefined {
  const lines = firstLines(plain);
  return findDirective(lines, key, new DirectiveParser()) ?? findDirective(lines, key, new DirectiveParser("//"));
}

const withoutShebang = (text: string): string => text.replace(/^\uFEFF/, "").replace(/^#![^\n]*(\n|$)/, "");

/** A directive of a text that nobody has parsed yet: `# check=…`, `// check=…`. */
export function detectDirective(text: string, key: DirectiveName): Directive | undefined {
  return detectIn(withoutShebang(text), key);
}

/**
 * Which frontend a file asks for, in any of the forms BuildKit reads: `# syntax=`, `// syntax=` and JSON's
 * `{"syntax": …}`, behind a `#!` line or not. Undefined where it asks for none.
 */
export function detectSyntax(text: string): SyntaxDirective | undefined {
  const plain = withoutShebang(text);
  const found = detectIn(plain, "syntax");
  if (found !== undefined) return { reference: found.value.split(" ", 1)[0] ?? "", commandLine: found.value };
  const json = syntaxInJson(plain);
  return json === undefined ? undefined : { reference: json, commandLine: json };
}
