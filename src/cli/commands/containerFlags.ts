import { readFileSync } from "node:fs";
import { CommandError } from "../core/commandError.ts";
import { boolFlag, listFlag, stringFlag } from "../core/flags.ts";
import type { Flag, FlagValues } from "../core/flags.ts";
import { PROGRAM, runHelpHint } from "../core/help.ts";

function checkStream(text: string): string {
  const name = text.toLowerCase();
  if (["stdin", "stdout", "stderr"].includes(name)) return name;
  throw new Error("valid streams are STDIN, STDOUT and STDERR");
}

function checkVariable(text: string): string {
  if (text === "" || text.startsWith("=")) throw new Error(`invalid environment variable: ${text}`);
  return text;
}

function checkLabel(text: string): string {
  if (text === "" || text.startsWith("=")) throw new Error(`invalid label '${text}': empty name`);
  return text;
}

/** Flags that `run` and `create` share. */
export const CONTAINER_FLAGS: {
  readonly attach: Flag<readonly string[]>;
  readonly entrypoint: Flag<string>;
  readonly env: Flag<readonly string[]>;
  readonly "env-file": Flag<readonly string[]>;
  readonly hostname: Flag<string>;
  readonly interactive: Flag<boolean>;
  readonly label: Flag<readonly string[]>;
  readonly name: Flag<string>;
  readonly network: Flag<string>;
  readonly platform: Flag<string>;
  readonly pull: Flag<string>;
  readonly quiet: Flag<boolean>;
  readonly rm: Flag<boolean>;
  readonly "stop-signal": Flag<string>;
  readonly tty: Flag<boolean>;
  readonly user: Flag<string>;
  readonly workdir: Flag<string>;
} = {
  attach: listFlag("a", "Attach to STDIN, STDOUT or STDERR", checkStream),
  entrypoint: stringFlag(undefined, "Overwrite the default ENTRYPOINT of the image"),
  env: listFlag("e", "Set environment variables", checkVariable),
  "env-file": listFlag(undefined, "Read in a file of environment variables"),
  hostname: stringFlag("h", "Container host name"),
  interactive: boolFlag("i", "Keep STDIN open even if not attached"),
  label: listFlag("l", "Set meta data on a container", checkLabel),
  name: stringFlag(undefined, "Assign a name to the container"),
  network: { ...stringFlag(undefined, "Connect a container to a network"), typeName: "network" },
  platform: stringFlag(undefined, "Set platform if server is multi-platform capable"),
  pull: {
    ...stringFlag(undefined, 'Pull image before running ("always", "missing", "never")', { shownDefault: "missing" }),
    initial: "missing",
  },
  quiet: boolFlag("q", "Suppress the pull output"),
  rm: boolFlag(undefined, "Automatically remove the container and its associated anonymous volumes when it exits"),
  "stop-signal": stringFlag(undefined, "Signal to stop the container"),
  tty: boolFlag("t", "Allocate a pseudo-TTY"),
  user: stringFlag("u", "Username or UID (format: <name|uid>[:<group|gid>])"),
  workdir: stringFlag("w", "Working directory inside the container"),
};

/** Parsed {@link CONTAINER_FLAGS}. */
export type ContainerFlagValues = FlagValues<typeof CONTAINER_FLAGS>;

/** Which streams the client takes part in. */
export interface Streams {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
}

/** An error about how the command was called, in the shape that `run` and `create` give it. */
export function callError(command: string, message: string): CommandError {
  return new CommandError(`${PROGRAM}: ${message}\n\n${runHelpHint(command)}`, 125);
}

/** One line of `-e` or an env file: a bare name takes our own value, and is left out when we have none. */
function envEntry(text: string): readonly string[] {
  if (text.includes("=")) return [text];
  const own = process.env[text];
  return own === undefined ? [] : [`${text}=${own}`];
}

function envFile(path: string, command: string): readonly string[] {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    throw callError(command, `open ${path}: no such file or directory`);
  }
  return text
    .replace(/^\uFEFF/, "")
    .split(/\r?\n/)
    .map((line) => line.trimStart())
    .filter((line) => line !== "" && !line.startsWith("#"))
    .flatMap((line) => {
      const [name = ""] = line.split("=");
      if (/\s/.test(name))
        throw callError(command, `invalid env file (${path}): variable '${name}' contains whitespaces`);
      if (name === "") throw callError(command, `invalid env file (${path}): no variable name on line '${line}'`);
      return envEntry(line);
    });
}

function labels(list: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    list.map((text) => {
      const at = text.indexOf("=");
      return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
    }),
  );
}

/** What to attach: what `-a` names, else output and, with `-i`, input. */
export function streamsOf(flags: ContainerFlagValues): Streams {
  if (flags.attach.length === 0) return { stdin: flags.interactive, stdout: true, stderr: true };
  const has = (name: string): boolean => flags.attach.includes(name);
  return { stdin: has("stdin"), stdout: has("stdout"), stderr: has("stderr") };
}

/** The body of `POST /containers/create`. `streams` undefined: detached. */
export function createBody(
  call: { readonly flags: ContainerFlagValues; readonly given: ReadonlySet<string>; readonly args: readonly string[] },
  streams: Streams | undefined,
  command: string,
): Readonly<Record<string, unknown>> {
  const { flags, given } = call;
  const [image = "", ...words] = call.args;
  const env = [...flags["env-file"].flatMap((path) => envFile(path, command)), ...flags.env.flatMap(envEntry)];
  const entrypoint = given.has("entrypoint") ? [flags.entrypoint] : null;
  return {
    Hostname: flags.hostname,
    User: flags.user,
    AttachStdin: streams?.stdin ?? false,
    AttachStdout: streams?.stdout ?? false,
    AttachStderr: streams?.stderr ?? false,
    Tty: flags.tty,
    OpenStdin: flags.interactive,
    StdinOnce: flags.interactive && streams?.stdin === true,
    Env: env,
    Cmd: words.length === 0 ? null : words,
    Image: image,
    WorkingDir: flags.workdir,
    Entrypoint: entrypoint,
    Labels: labels(flags.label),
    ...(flags["stop-signal"] === "" ? {} : { StopSignal: flags["stop-signal"] }),
    HostConfig: { AutoRemove: flags.rm, NetworkMode: flags.network === "" ? "default" : flags.network },
  };
}
