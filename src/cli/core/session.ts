import { join } from "node:path";
import type { ReadStream, WriteStream } from "node:tty";
import type { Readable, Writable } from "node:stream";
import {
  chooseHost,
  configDirectory,
  createEngineClient,
  DEFAULT_SOCKET,
  execRoot,
  isListening,
  loadConfigFile,
  startDaemon,
} from "#client";
import type { ChosenHost, ConfigFile, EngineClient, HostWishes } from "#client";

/** Flags that stand before the command. */
export interface GlobalFlags extends HostWishes {
  readonly config?: string;
  readonly debug: boolean;
}

/** What a command works with: streams, configuration and, when it asks, the engine. */
export interface Session extends AsyncDisposable {
  readonly stdin: Readable | ReadStream;
  readonly stdout: Writable;
  readonly stderr: Writable;
  readonly global: GlobalFlags;
  /** Connects when first called on; may start the daemon. */
  readonly client: EngineClient;
  readonly config: ConfigFile;
  readonly chosen: ChosenHost;
  /** Whether something accepts connections at the host; starts nothing. */
  isListening(): Promise<boolean>;
  /** To stdout, as it is. */
  print(text: string): void;
  /** One line to stderr. */
  warn(line: string): void;
}

const ROOT = join(import.meta.dirname, "../../..");
const DAEMON_LOG = "/var/log/varve/daemon.log";

/** Program and arguments of the daemon with its own defaults. */
export function daemonCommand(args: readonly string[] = []): readonly string[] {
  return [join(ROOT, "bin/varve"), "daemon", ...args];
}

function openClient(chosen: ChosenHost, config: ConfigFile): EngineClient {
  const apiVersion = process.env["DOCKER_API_VERSION"];
  const start = (): Promise<void> =>
    startDaemon({
      socketPath: DEFAULT_SOCKET,
      command: daemonCommand(),
      logPath: DAEMON_LOG,
      lockPath: join(execRoot(), "start.lock"),
    });
  return createEngineClient({
    host: chosen.host,
    headers: config.httpHeaders,
    ...(chosen.tls === undefined ? {} : { tls: chosen.tls }),
    ...(apiVersion === undefined || apiVersion === "" ? {} : { apiVersion: apiVersion.replace(/^v/, "") }),
    ...(chosen.isDefault ? { startDaemon: start } : {}),
  });
}

class ProcessSession implements Session {
  readonly stdout: Writable = process.stdout;
  readonly stderr: Writable = process.stderr;
  readonly global: GlobalFlags;
  #client: EngineClient | undefined;
  #config: ConfigFile | undefined;
  #chosen: ChosenHost | undefined;

  constructor(global: GlobalFlags) {
    this.global = global;
  }

  // Opening it costs a millisecond that most commands need not.
  get stdin(): Readable {
    return process.stdin;
  }

  get config(): ConfigFile {
    this.#config ??= loadConfigFile(configDirectory(this.global.config));
    return this.#config;
  }

  get chosen(): ChosenHost {
    this.#chosen ??= chooseHost(this.global, this.config);
    return this.#chosen;
  }

  get client(): EngineClient {
    this.#client ??= openClient(this.chosen, this.config);
    return this.#client;
  }

  async isListening(): Promise<boolean> {
    const { host } = this.chosen;
    return host.kind === "tcp" || isListening(host.socketPath);
  }

  print(text: string): void {
    this.stdout.write(text);
  }

  warn(line: string): void {
    this.stderr.write(`${line}\n`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client?.[Symbol.asyncDispose]();
  }
}

/** The session of this process. */
export function openSession(global: GlobalFlags): Session {
  return new ProcessSession(global);
}

/** The stream's terminal, when it is one. */
export function terminalOf(stream: Writable): WriteStream | undefined {
  return "isTTY" in stream && stream.isTTY === true ? (stream as WriteStream) : undefined;
}

/** The terminal that stdin is, when it is one. */
export function inputTerminal(stream: Readable): ReadStream | undefined {
  return "isTTY" in stream && stream.isTTY === true ? (stream as ReadStream) : undefined;
}
