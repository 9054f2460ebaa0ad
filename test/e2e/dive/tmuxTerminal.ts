import { spawnSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { must, run } from "../support/process.ts";

const CONFIG = `set -g status off
set -g default-terminal tmux-256color
set -g remain-on-exit on
set -s escape-time 10
`;
const TRIES = 300;
const TRY_MS = 50;

/** Why no terminal can be had here; undefined: one can. */
export const noTmux: string | undefined =
  spawnSync("tmux", ["-V"]).status === 0 ? undefined : "tmux is not installed (apt-get install tmux)";

export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

/** What a program has made of its terminal. */
export interface TerminalModes {
  readonly isOtherScreen: boolean;
  readonly hasMouse: boolean;
  readonly isCursorShown: boolean;
}

/** A real terminal of its own: a tmux server for one test. */
export class TmuxTerminal implements AsyncDisposable {
  readonly #server: readonly string[];
  readonly #env: Readonly<Record<string, string>>;

  private constructor(server: readonly string[], env: Readonly<Record<string, string>>) {
    this.#server = server;
    this.#env = env;
  }

  /** Runs a shell command in it, in `folder`; tmux keeps its socket there too. */
  static async open(
    folder: string,
    command: string,
    size: TerminalSize,
    env: Readonly<Record<string, string>> = {},
  ): Promise<TmuxTerminal> {
    const config = join(folder, "tmux.conf");
    await writeFile(config, CONFIG);
    const server = ["-u", "-f", config, "-S", join(folder, "tmux.sock")];
    const all = { LC_ALL: "C.UTF-8", NO_COLOR: "", COLORFGBG: "", CI: "", ...env };
    const terminal = new TmuxTerminal(server, all);
    const set = Object.entries(all).flatMap(([name, value]) => ["-e", `${name}=${value}`]);
    const at = ["-x", String(size.columns), "-y", String(size.rows), "-c", folder];
    await terminal.#tmux("new-session", "-d", ...at, ...set, command);
    return terminal;
  }

  /** Keys in tmux's words: `Down`, `C-a`, `Tab`, `x`. */
  async press(...keys: readonly string[]): Promise<void> {
    await this.#tmux("send-keys", ...keys);
  }

  async type(text: string): Promise<void> {
    await this.#tmux("send-keys", "-l", text);
  }

  /** Bytes as a terminal would send them: mouse, answers. */
  async send(bytes: string): Promise<void> {
    await this.#tmux("send-keys", "-H", ...[...Buffer.from(bytes)].map((byte) => byte.toString(16)));
  }

  async resize({ columns, rows }: TerminalSize): Promise<void> {
    await this.#tmux("resize-window", "-x", String(columns), "-y", String(rows));
  }

  /** What is on the screen; with the colours as escape sequences when asked. */
  async screen(withColors = false): Promise<string> {
    return this.#tmux("capture-pane", "-p", ...(withColors ? ["-e"] : []));
  }

  async modes(): Promise<TerminalModes> {
    const said = await this.#tmux("display", "-p", "#{alternate_on} #{mouse_any_flag} #{cursor_flag}");
    const [isOtherScreen, hasMouse, isCursorShown] = said
      .trim()
      .split(" ")
      .map((flag) => flag === "1");
    return {
      isOtherScreen: isOtherScreen === true,
      hasMouse: hasMouse === true,
      isCursorShown: isCursorShown === true,
    };
  }

  /** Waits until the screen is as wanted; answers it, or what it is in the end. */
  async settled(isWanted: (screen: string) => boolean, withColors = false): Promise<string> {
    let screen = "";
    for (let attempt = 0; attempt < TRIES; attempt += 1) {
      screen = await this.screen(withColors);
      if (isWanted(screen)) return screen;
      await sleep(TRY_MS);
    }
    return screen;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await run("tmux", [...this.#server, "kill-server"], { env: this.#env });
  }

  #tmux(...args: readonly string[]): Promise<string> {
    return must("tmux", [...this.#server, ...args], { env: this.#env });
  }
}
