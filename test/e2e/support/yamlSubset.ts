/** As much of YAML 1.2 as Docker's API definition uses outside of its examples and texts, which are left out. */

type Yaml = string | number | boolean | null | readonly Yaml[] | { readonly [key: string]: Yaml };

interface Line {
  readonly indent: number;
  readonly text: string;
}

/** Prose and samples, which may hold any syntax. */
const SKIPPED: ReadonlySet<string> = new Set(["description", "example", "examples", "default", "x-logo", "title"]);

function toLines(text: string): readonly Line[] {
  return text
    .split("\n")
    .map((line) => ({ indent: line.search(/\S|$/), text: line.trim() }))
    .filter((line) => line.text !== "" && !line.text.startsWith("#"));
}

function scalar(text: string): Yaml {
  const plain = text.replace(/ #.*$/, "");
  if (/^".*"$/s.test(plain)) return JSON.parse(plain) as string;
  if (/^'.*'$/s.test(plain)) return plain.slice(1, -1).replaceAll("''", "'");
  if (/^-?\d+(?:\.\d+)?$/.test(plain)) return Number(plain);
  if (plain === "true" || plain === "false") return plain === "true";
  return plain === "null" || plain === "~" ? null : plain;
}

function flowList(text: string): Yaml {
  return text
    .replace(/^\[|\]$/g, "")
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "")
    .map(scalar);
}

const KEY = /^("[^"]*"|'[^']*'|[^\s"'[{][^:]*?):(?: +(.*))?$/;

/** One document, read from its first line to its last. */
class Reader {
  readonly #lines: Line[];
  #at = 0;

  constructor(text: string) {
    this.#lines = [...toLines(text)];
  }

  #peek(): Line | undefined {
    return this.#lines[this.#at];
  }

  /** Everything that is indented deeper belongs to what came before. */
  #skipDeeper(indent: number): void {
    while ((this.#peek()?.indent ?? -1) > indent) this.#at += 1;
  }

  block(indent: number): Yaml {
    return this.#peek()?.text.startsWith("- ") === true ? this.#sequence(indent) : this.#mapping(indent);
  }

  #sequence(indent: number): Yaml {
    const items: Yaml[] = [];
    for (let line = this.#peek(); line?.indent === indent && line.text.startsWith("-"); line = this.#peek()) {
      const rest = line.text.slice(1).trim();
      if (KEY.test(rest)) {
        // "- key: value": a mapping whose first line stands behind the dash.
        const inner = line.indent + line.text.indexOf(rest);
        this.#lines[this.#at] = { indent: inner, text: rest };
        items.push(this.#mapping(inner));
      } else {
        this.#at += 1;
        items.push(scalar(rest));
        this.#skipDeeper(indent);
      }
    }
    return items;
  }

  #mapping(indent: number): Yaml {
    const entries: [string, Yaml][] = [];
    for (let line = this.#peek(); line?.indent === indent; line = this.#peek()) {
      const [, quoted = "", value = ""] = KEY.exec(line.text) ?? [];
      if (quoted === "") {
        // The end of a sample in flow style, whose lines were left out.
        if (!/^[}\]]+$/.test(line.text)) break;
        this.#at += 1;
        continue;
      }
      const key = quoted.replaceAll(/^["']|["']$/g, "");
      this.#at += 1;
      // A field may be called "example": then what it is stands below it, as for every field.
      if (SKIPPED.has(key) && value !== "") this.#skipDeeper(indent);
      else if (key === "example" || key === "examples") this.#skipDeeper(indent);
      else entries.push([key, this.#value(value, indent)]);
    }
    return Object.fromEntries(entries);
  }

  #value(text: string, indent: number): Yaml {
    if (text.startsWith("[")) return this.#flow(text);
    if (/^[|>{]/.test(text)) {
      this.#skipDeeper(indent);
      return text.startsWith("{") ? {} : "";
    }
    if (text !== "") {
      this.#skipDeeper(indent);
      return scalar(text);
    }
    const next = this.#peek();
    // A list may stand at the indentation of its key.
    if (next !== undefined && (next.indent > indent || (next.indent === indent && next.text.startsWith("- ")))) {
      const block = this.block(next.indent);
      // Prose may go on over lines that are no block at all.
      this.#skipDeeper(indent);
      return block;
    }
    return null;
  }

  #flow(first: string): Yaml {
    let text = first;
    while (!text.trimEnd().endsWith("]")) {
      const line = this.#peek();
      if (line === undefined) break;
      this.#at += 1;
      text += ` ${line.text}`;
    }
    return flowList(text);
  }
}

export function parseYamlSubset(text: string): unknown {
  return new Reader(text).block(0);
}
