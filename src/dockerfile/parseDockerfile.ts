import type {
  Directive,
  Dockerfile,
  DockerfileNode,
  DockerfileWarning,
  EscapeCharacter,
  Heredoc,
  LineRange,
} from "./ast.ts";
import { DirectiveParser } from "./directives.ts";
import { invalidDockerfile, located } from "./dockerfileError.ts";
import { trimSpace, trimSpaceLeft } from "./goSpace.ts";
import { heredocsOfLine, type HeredocHead } from "./heredoc.ts";
import { parseArguments, splitLine } from "./lineParsers.ts";

/** What BuildKit's line reader holds, in bytes. */
const MAX_LINE_BYTES = 65_535;
/** BuildKit receives the file in one message of at most this size. */
const MAX_FILE_BYTES = 16 << 20;
const MAX_ONBUILD = 100;
const HEREDOC_KEYWORDS: ReadonlySet<string> = new Set(["add", "copy", "run"]);
const CONTINUATION: Readonly<Record<EscapeCharacter, RegExp>> = {
  "\\": /(^|[^\\])\\[ \t]*$/,
  "`": /(^|[^`])`[ \t]*$/,
};

type NodeParts = Omit<DockerfileNode, "location" | "heredocs" | "comments">;

const isComment = (line: string): boolean => trimSpaceLeft(line).startsWith("#");

function trimNewline(line: string): string {
  let end = line.length;
  while (end > 0 && (line[end - 1] === "\n" || line[end - 1] === "\r")) end -= 1;
  return line.slice(0, end);
}

/** Lines with their line ends; those from the first that is too long are left out. */
function readLines(text: string): { readonly lines: readonly string[]; readonly tooLong: boolean } {
  const lines = text.split(/(?<=\n)/);
  const long = lines.findIndex((line) => {
    const content = line.endsWith("\n") ? line.length - 1 : line.length;
    // A character of a string is at most three bytes.
    return content * 3 > MAX_LINE_BYTES && Buffer.byteLength(line) - (line.length - content) > MAX_LINE_BYTES;
  });
  return { lines: long < 0 ? lines : lines.slice(0, long), tooLong: long >= 0 };
}

class Reader {
  readonly #filename: string;
  readonly #lines: readonly string[];
  readonly #directiveParser = new DirectiveParser();
  readonly directives: Directive[] = [];
  readonly nodes: DockerfileNode[] = [];
  readonly warnings: DockerfileWarning[] = [];
  escape: EscapeCharacter = "\\";
  /** Lines read so far, which is the number of the last one. */
  line = 0;
  #comments: string[] = [];

  constructor(filename: string, lines: readonly string[]) {
    this.#filename = filename;
    this.#lines = lines;
  }

  read(): void {
    while (this.line < this.#lines.length) {
      const raw = this.#lines[this.line] ?? "";
      this.line += 1;
      const start = this.line;
      const first = this.#at({ start, end: start }, () => this.#firstLine(raw));
      if (first === "") continue;
      const joined = this.#joinContinuations(first);
      if (joined === "") continue;
      const range = (): LineRange => ({ start, end: this.line });
      const parts = this.#at(range(), () => parseNode(joined, this.escape));
      const heredocs = this.#heredocs(parts, joined, start);
      this.nodes.push({ ...parts, heredocs, location: range(), comments: this.#comments });
      this.#comments = [];
    }
  }

  #at<T>(location: LineRange, act: () => T): T {
    return located({ filename: this.#filename, location }, act);
  }

  /** The line without what surrounds it; empty for a comment, a directive, a blank line. */
  #firstLine(raw: string): string {
    const token = trimSpaceLeft(trimNewline(raw));
    const directive = this.#directiveParser.parseLine(token);
    if (directive !== undefined) {
      this.#direct(directive);
      return "";
    }
    if (!token.startsWith("#")) return token;
    const comment = trimSpace(raw.slice(1));
    if (comment === "") this.#comments = [];
    else this.#comments.push(comment);
    return "";
  }

  #direct(directive: Directive): void {
    this.directives.push(directive);
    if (directive.name !== "escape") return;
    if (directive.value !== "\\" && directive.value !== "`") {
      throw invalidDockerfile(`invalid escape token '${directive.value}' does not match \` or \\`);
    }
    this.escape = directive.value;
  }

  #joinContinuations(first: string): string {
    const continuation = CONTINUATION[this.escape];
    let line = first;
    let joined = "";
    let empty = false;
    let more = continuation.test(line);
    joined += line.replace(continuation, "$1");
    while (more && this.line < this.#lines.length) {
      line = trimNewline(this.#lines[this.line] ?? "");
      this.line += 1;
      if (isComment(line)) continue;
      if (trimSpaceLeft(line) === "") {
        empty = true;
        continue;
      }
      more = continuation.test(line);
      joined += line.replace(continuation, "$1");
    }
    if (empty) this.warnings.push(emptyContinuation(joined, this.line));
    // An escape alone at the end of the file is a line all the same; BuildKit finds an instruction without a name.
    return joined === "" ? " " : joined;
  }

  #heredocs(parts: NodeParts, line: string, start: number): readonly Heredoc[] {
    const subject = parts.keyword.toLowerCase() === "onbuild" ? (parts.child ?? parts) : parts;
    if (subject.json || !HEREDOC_KEYWORDS.has(subject.keyword.toLowerCase()) || !line.includes("<<")) return [];
    const heads = this.#at({ start, end: this.line }, () => heredocsOfLine(line));
    return heads.map((head) => ({ ...head, content: this.#heredocContent(head, start) }));
  }

  #heredocContent(head: HeredocHead, start: number): string {
    const from = this.line;
    while (this.line < this.#lines.length) {
      const line = trimNewline(this.#lines[this.line] ?? "");
      this.line += 1;
      if ((head.chomp ? line.replace(/^\t+/, "") : line) === head.name) {
        return this.#lines.slice(from, this.line - 1).join("");
      }
    }
    return this.#at({ start, end: this.line }, () => {
      throw invalidDockerfile("unterminated heredoc");
    });
  }
}

function emptyContinuation(line: string, at: number): DockerfileWarning {
  return {
    short: `Empty continuation line found in: ${line}`,
    detail: ["Empty continuation lines will become errors in a future release"],
    url: "https://docs.docker.com/go/dockerfile/rule/no-empty-continuation/",
    location: { start: at, end: at },
  };
}

function parseNode(line: string, escape: EscapeCharacter, depth = 0): NodeParts {
  if (depth > MAX_ONBUILD) throw invalidDockerfile("ONBUILD is nested too deeply");
  const { keyword, flags, rest } = splitLine(line, escape);
  const base = { keyword, flags, original: line };
  if (keyword.toLowerCase() !== "onbuild") {
    const { args, json = false } = parseArguments(keyword.toLowerCase(), rest, escape);
    return { ...base, args, json };
  }
  if (rest === "") return { ...base, args: [], json: false };
  const child = parseNode(rest, escape, depth + 1);
  const nothing = { heredocs: [], comments: [], location: { start: 0, end: 0 } };
  return { ...base, args: [child.keyword, ...child.args], json: false, child: { ...child, ...nothing } };
}

/**
 * Reads a Dockerfile's grammar: directives, comments, continuations, heredocs, flags. Knows no instruction's meaning
 * (an unknown one is a node like others) and expands nothing. Lines may end in CRLF; a BOM is stepped over.
 * @throws {invalid_argument} `INVALID_DOCKERFILE` in BuildKit's words, with its lines (`sourceOf`); also for a line
 * longer than 65,535 bytes and a file larger than 16 MiB.
 */
export function parseDockerfile(text: string, options: { readonly filename?: string } = {}): Dockerfile {
  const filename = options.filename ?? "Dockerfile";
  if (text.length > MAX_FILE_BYTES || Buffer.byteLength(text) > MAX_FILE_BYTES) {
    throw invalidDockerfile(`${filename} is larger than ${MAX_FILE_BYTES} bytes`);
  }
  const { lines, tooLong } = readLines(text.replace(/^\uFEFF/, ""));
  const reader = new Reader(filename, lines);
  reader.read();
  const end = { filename, location: { start: Math.max(reader.line, 1), end: Math.max(reader.line, 1) } };
  located(end, () => {
    if (reader.nodes.length === 0 && !tooLong) throw invalidDockerfile("file with no instructions");
    if (tooLong) throw invalidDockerfile(`dockerfile line greater than max allowed size of ${MAX_LINE_BYTES}`);
  });
  const { nodes, directives, escape, warnings } = reader;
  return { filename, text, nodes, directives, escape, warnings };
}
