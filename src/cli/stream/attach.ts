import { spawnSync } from "node:child_process";
import type { Duplex, Readable } from "node:stream";
import type { ReadStream } from "node:tty";
import type { HijackedStream } from "#client";
import { inputTerminal } from "../core/session.ts";
import type { Session } from "../core/session.ts";
import { CommandError } from "../core/commandError.ts";
import type { Streams } from "../options/createBody.ts";
import { DEFAULT_DETACH_KEYS, DetachFilter, parseDetachKeys } from "./detachKeys.ts";
import { containerPath } from "./forEach.ts";
import { copyOutput } from "./output.ts";

/** How to take part in a program's streams. */
export interface StreamWish {
  readonly streams: Streams;
  readonly tty: boolean;
  readonly detachKeys: string;
}

/** How to attach to a container. */
export interface AttachWish extends StreamWish {
  readonly id: string;
}

/** A connection to a container's streams; made before it starts, so that nothing is lost. */
export interface Attached {
  /** Copies both ways until the container's output ends or the user detaches. */
  pump(): Promise<"ended" | "detached">;
  /** Lets go of stdin and the terminal. */
  release(): void;
}

class Attachment implements Attached {
  readonly #session: Session;
  readonly #wish: StreamWish;
  readonly #hijacked: HijackedStream;
  readonly #detached = Promise.withResolvers<"detached">();
  #feed: ((bytes: Uint8Array) => void) | undefined;
  #finish: (() => void) | undefined;
  #raw = false;

  constructor(session: Session, wish: StreamWish, hijacked: HijackedStream) {
    this.#session = session;
    this.#wish = wish;
    this.#hijacked = hijacked;
  }

  async pump(): Promise<"ended" | "detached"> {
    const { stream, multiplexed } = this.#hijacked;
    if (this.#wish.streams.stdin) this.#takeInput(stream);
    else stream.end();
    const output = copyOutput(this.#session, stream, multiplexed ?? !this.#wish.tty);
    return Promise.race([output.then((): "ended" => "ended"), this.#detached.promise]);
  }

  release(): void {
    const { stdin } = this.#session;
    if (this.#feed !== undefined) stdin.off("data", this.#feed);
    if (this.#finish !== undefined) stdin.off("end", this.#finish);
    if (this.#raw) inputTerminal(stdin)?.setRawMode(false);
    stopReading(stdin);
    this.#hijacked.stream.destroy();
  }

  #takeInput(stream: Duplex): void {
    const { stdin } = this.#session;
    const terminal = this.#wish.tty ? inputTerminal(stdin) : undefined;
    if (terminal !== undefined) {
      setRaw(terminal);
      this.#raw = true;
    }
    const filter = this.#wish.tty ? new DetachFilter(parseDetachKeys(this.#wish.detachKeys)) : undefined;
    this.#feed = (chunk) => {
      const { bytes, detached } = filter?.push(chunk) ?? { bytes: chunk, detached: false };
      if (bytes.byteLength > 0 && !stream.write(bytes)) {
        stdin.pause();
        stream.once("drain", () => stdin.resume());
      }
      if (detached) this.#detached.resolve("detached");
    };
    this.#finish = () => stream.end();
    stdin.on("data", this.#feed);
    stdin.once("end", this.#finish);
    // The container may end while we still write to it.
    stream.on("error", () => undefined);
  }
}

/**
 * Raw both ways: Node's raw mode still turns every line feed that is printed into CR LF, which breaks full-screen programs
 * in the container. Leaving raw mode restores all of it. Without stty one sees a few more CRs.
 */
function setRaw(terminal: ReadStream): void {
  terminal.setRawMode(true);
  spawnSync("stty", ["-opost"], { stdio: ["inherit", "ignore", "ignore"] });
}

/** A pipe or terminal that is still open must not keep us alive. */
function stopReading(stdin: Readable): void {
  stdin.pause();
  if ("unref" in stdin && typeof stdin.unref === "function") stdin.unref();
}

/** Takes part in the streams of a connection that is there. */
export function joinStreams(session: Session, wish: StreamWish, hijacked: HijackedStream): Attached {
  return new Attachment(session, wish, hijacked);
}

/** The sequence that detaches: the flag's, else config.json's, else Docker's. */
export function detachKeysOf(session: Session, flag: string): string {
  return flag || (session.config.detachKeys ?? DEFAULT_DETACH_KEYS);
}

/** Says that it detached, as Docker's client does for `attach` and `exec`. */
export function escapeError(): CommandError {
  return new CommandError("read escape sequence");
}

/** @throws {CommandError} when the program has a terminal, wants input, and ours is none. */
export function checkTerminal(session: Session, attachesInput: boolean, tty: boolean): void {
  if (attachesInput && tty && inputTerminal(session.stdin) === undefined) {
    throw new CommandError("the input device is not a TTY");
  }
}

/** Attaches to a container that may not have started yet. */
export async function attach(session: Session, wish: AttachWish): Promise<Attached> {
  const { streams } = wish;
  const hijacked = await session.client.hijack({
    method: "POST",
    path: containerPath(wish.id, "/attach"),
    query: {
      stream: true,
      stdin: streams.stdin,
      stdout: streams.stdout,
      stderr: streams.stderr,
      detachKeys: wish.detachKeys === DEFAULT_DETACH_KEYS ? undefined : wish.detachKeys,
    },
  });
  return new Attachment(session, wish, hijacked);
}
