import { goQuote } from "#gotext";
import type { Flag, FlagSet } from "./flags.ts";

/** What stood on a command line. */
export interface ParsedFlags {
  readonly values: Readonly<Record<string, unknown>>;
  /** Long names of the flags that were given. */
  readonly given: ReadonlySet<string>;
  readonly rest: readonly string[];
  readonly help: false | "--help" | "-h";
  /** `Flag --time has been deprecated, …`, for stderr. */
  readonly notices: readonly string[];
}

interface Options {
  /** True when flags may stand after arguments; `run` stops at the image. */
  readonly interspersed: boolean;
}

/** GNU-style parsing with the rules and the words of Go's pflag. */
class FlagParser {
  readonly #flags: FlagSet;
  readonly #args: string[];
  readonly #values: Record<string, unknown> = {};
  readonly #given = new Set<string>();
  readonly #notices: string[] = [];
  #help: ParsedFlags["help"] = false;

  constructor(args: readonly string[], flags: FlagSet) {
    this.#args = [...args];
    this.#flags = flags;
    for (const [name, flag] of Object.entries(flags)) this.#values[name] = flag.initial;
  }

  run(options: Options): ParsedFlags {
    const rest: string[] = [];
    for (;;) {
      const arg = this.#args.shift();
      if (arg === undefined) break;
      if (arg === "--") {
        rest.push(...this.#args);
        break;
      }
      if (!arg.startsWith("-") || arg === "-") {
        rest.push(arg);
        if (options.interspersed) continue;
        rest.push(...this.#args);
        break;
      }
      if (arg.startsWith("--")) this.#long(arg);
      else this.#shorts(arg);
      if (this.#help !== false) break;
    }
    return { values: this.#values, given: this.#given, rest, help: this.#help, notices: this.#notices };
  }

  #long(arg: string): void {
    const [, name = "", value] = /^--([^=]*)(?:=(.*))?$/s.exec(arg) ?? [];
    if (name === "" || name.startsWith("-")) throw new Error(`bad flag syntax: ${arg}`);
    const flag = this.#flags[name];
    if (flag !== undefined && Object.hasOwn(this.#flags, name)) return this.#set(name, flag, value, arg);
    if (name !== "help") throw new Error(`unknown flag: --${name}`);
    this.#help = "--help";
  }

  #shorts(arg: string): void {
    for (let index = 1; index < arg.length; index += 1) {
      const letter = arg.charAt(index);
      const [name, flag] = Object.entries(this.#flags).find(([, flag]) => flag.short === letter) ?? [];
      if (name === undefined || flag === undefined) {
        if (letter !== "h") throw new Error(`unknown shorthand flag: ${quoteLetter(letter)} in -${arg.slice(index)}`);
        this.#help = "-h";
        return;
      }
      const tail = arg.slice(index + 1);
      if (flag.typeName === "" && !tail.startsWith("=")) {
        this.#assign(name, flag, "true");
        continue;
      }
      const attached = tail === "" ? undefined : tail.replace(/^=/, "");
      return this.#set(name, flag, attached, `${quoteLetter(letter)} in -${arg.slice(index)}`);
    }
  }

  #set(name: string, flag: Flag<unknown>, attached: string | undefined, shown: string): void {
    if (attached !== undefined) return this.#assign(name, flag, attached);
    if (flag.typeName === "") return this.#assign(name, flag, "true");
    const value = this.#args.shift();
    if (value === undefined) throw new Error(`flag needs an argument: ${shown}`);
    this.#assign(name, flag, value);
  }

  #assign(name: string, flag: Flag<unknown>, text: string): void {
    const target = flag.aliasOf ?? name;
    try {
      this.#values[target] = flag.parse(text, this.#values[target]);
    } catch (error) {
      const shown = flag.short === undefined ? `--${name}` : `-${flag.short}, --${name}`;
      const why = error instanceof Error ? error.message : String(error);
      throw new Error(`invalid argument ${goQuote(text)} for ${goQuote(shown)} flag: ${why}`, {
        cause: error,
      });
    }
    if (flag.deprecated !== undefined) this.#notices.push(`Flag --${name} has been deprecated, ${flag.deprecated}`);
    this.#given.add(target);
  }
}

const quoteLetter = (letter: string): string => `'${letter}'`;

/** @throws {Error} with pflag's message: `unknown flag: --foo`, `flag needs an argument: 'e' in -e`. */
export function parseFlags(args: readonly string[], flags: FlagSet, options: Options): ParsedFlags {
  return new FlagParser(args, flags).run(options);
}
