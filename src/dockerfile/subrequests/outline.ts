import type { LineRange } from "../ast.ts";
import type { ArgDefinition, RunMount, Stage } from "../instruction.ts";
import { answerOf, columns, type SubrequestAnswer, wireRanges, wireSource } from "./answer.ts";

interface OutlineArg {
  readonly name: string;
  readonly description: string;
  /** Empty for an argument without a value. */
  readonly value: string;
  readonly location: LineRange;
  /** Arguments that its default names. */
  readonly dependencies: Iterable<string>;
}

interface OutlineNeed {
  readonly name: string;
  readonly required: boolean;
  readonly location: LineRange;
}

/** What a stage asks for: arguments, secrets, ssh sockets. Filled while its instructions are done. */
export class OutlineCapture {
  readonly #args: Map<string, OutlineArg>;
  readonly #used: Set<string>;
  readonly #secrets: Map<string, OutlineNeed>;
  readonly #ssh: Map<string, OutlineNeed>;

  /** `from`: what is known before the stage: the arguments before the first FROM. */
  constructor(from?: OutlineCapture) {
    this.#args = new Map(from === undefined ? [] : from.#args);
    this.#used = new Set(from === undefined ? [] : from.#used);
    this.#secrets = new Map(from === undefined ? [] : from.#secrets);
    this.#ssh = new Map(from === undefined ? [] : from.#ssh);
  }

  /** ARG as it is after expansion; `value` as the build takes it. */
  define(
    { key, description }: ArgDefinition,
    value: string | undefined,
    location: LineRange,
    dependencies: Iterable<string> = [],
  ): void {
    this.#args.set(key, { name: key, description, value: value ?? "", location, dependencies });
  }

  /** These arguments have a use: they are told, and those that their defaults name. */
  use(names: Iterable<string>): void {
    for (const name of names) this.#used.add(name);
  }

  /** Mounts of a RUN, expanded. */
  mounts(mounts: readonly RunMount[], location: LineRange): void {
    for (const mount of mounts) {
      const { required } = mount;
      if (mount.type === "secret") {
        const name = mount.source || mount.id || (mount.target.split("/").at(-1) ?? "");
        if (!this.#secrets.has(name)) this.#secrets.set(name, { name, required, location });
      } else if (mount.type === "ssh") {
        const name = mount.id || "default";
        if (!this.#ssh.has(name)) this.#ssh.set(name, { name, required, location });
      }
    }
  }

  get args(): readonly OutlineArg[] {
    const seen = new Set<string>();
    const open = [...this.#used];
    for (let name = open.pop(); name !== undefined; name = open.pop()) {
      if (seen.has(name)) continue;
      seen.add(name);
      open.push(...(this.#args.get(name)?.dependencies ?? []));
    }
    return [...this.#args.values()].filter(({ name }) => seen.has(name));
  }

  get secrets(): readonly OutlineNeed[] {
    return [...this.#secrets.values()];
  }

  get ssh(): readonly OutlineNeed[] {
    return [...this.#ssh.values()];
  }
}

/** The first of each name, in the file's order. */
function merged<T extends { readonly name: string; readonly location: LineRange }>(
  lists: readonly (readonly T[])[],
): readonly T[] {
  const byName = new Map<string, T>();
  for (const item of lists.flat()) if (!byName.has(item.name)) byName.set(item.name, item);
  return [...byName.values()].sort((left, right) => left.location.start - right.location.start);
}

function needsOf(needs: readonly OutlineNeed[]): readonly unknown[] {
  return needs.map(({ name, required, location }) => ({
    name,
    ...(required ? { required } : {}),
    location: { ranges: wireRanges(location) },
  }));
}

function argsOf(args: readonly OutlineArg[]): readonly unknown[] {
  return args.map(({ name, description, value, location }) => ({
    name,
    ...(description === "" ? {} : { description }),
    ...(value === "" ? {} : { value }),
    location: { ranges: wireRanges(location) },
  }));
}

function needsTable(title: string, needs: readonly OutlineNeed[]): string {
  if (needs.length === 0) return "";
  const rows = needs.map(({ name, required }) => [name, required ? "true" : ""]);
  return `${columns([[title, "REQUIRED"], ...rows], 3)}\n`;
}

function argsTable(args: readonly OutlineArg[]): string {
  if (args.length === 0) return "";
  const rows = args.map(({ name, value, description }) => [name, value, description]);
  return `${columns([["BUILD ARG", "VALUE", "DESCRIPTION"], ...rows], 3)}\n`;
}

function heading({ name, description }: Stage): string {
  if (name === undefined && description === "") return "";
  const rows = [["TARGET:", name ?? "(default)"]];
  if (description !== "") rows.push(["DESCRIPTION:", description]);
  return `${columns(rows, 1)}\n`;
}

/**
 * Answer to `frontend.outline`. `captures`: of the target first, then of the stages that it is based on, then of those
 * that it copies from or mounts, each with its own behind it. `text` is the file's.
 */
export function outlineAnswer(target: Stage, captures: readonly OutlineCapture[], text: string): SubrequestAnswer {
  const args = merged(captures.map((capture) => capture.args));
  const secrets = merged(captures.map((capture) => capture.secrets));
  const ssh = merged(captures.map((capture) => capture.ssh));
  const result = {
    ...(target.name === undefined ? {} : { name: target.name }),
    ...(target.description === "" ? {} : { description: target.description }),
    ...(args.length === 0 ? {} : { args: argsOf(args) }),
    ...(secrets.length === 0 ? {} : { secrets: needsOf(secrets) }),
    ...(ssh.length === 0 ? {} : { ssh: needsOf(ssh) }),
    sources: [wireSource(text)],
  };
  return answerOf(result, heading(target) + argsTable(args) + needsTable("SECRET", secrets) + needsTable("SSH", ssh));
}
