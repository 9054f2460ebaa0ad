import { boolFlag, intFlag, listFlag, stringFlag, valueFlag } from "../core/flags.ts";
import type { Flag } from "../core/flags.ts";
import { checkLabel, checkVariable } from "./keyValues.ts";

/** The process and the container itself. */
export type ProcessFlags = Readonly<
  Record<"attach" | "env" | "env-file" | "label" | "label-file", Flag<readonly string[]>> &
    Record<
      "cidfile" | "entrypoint" | "name" | "platform" | "pull" | "restart" | "stop-signal" | "user" | "workdir",
      Flag<string>
    > &
    Record<
      "disable-content-trust" | "init" | "interactive" | "quiet" | "rm" | "tty" | "use-api-socket",
      Flag<boolean>
    > &
    Record<"stop-timeout", Flag<number>>
>;

function checkStream(text: string): string {
  const name = text.toLowerCase();
  if (["stdin", "stdout", "stderr"].includes(name)) return name;
  throw new Error("valid streams are STDIN, STDOUT and STDERR");
}

const same = (text: string): string => text;

/** `verb` is what the image is pulled before: `running`, `creating`. */
export function processFlags(verb: string): ProcessFlags {
  return {
    attach: listFlag("a", "Attach to STDIN, STDOUT or STDERR", checkStream),
    cidfile: stringFlag(undefined, "Write the container ID to the file"),
    "disable-content-trust": boolFlag(undefined, "Skip image verification", true),
    entrypoint: stringFlag(undefined, "Overwrite the default ENTRYPOINT of the image"),
    env: listFlag("e", "Set environment variables", checkVariable),
    "env-file": listFlag(undefined, "Read in a file of environment variables"),
    init: boolFlag(undefined, "Run an init inside the container that forwards signals and reaps processes"),
    interactive: boolFlag("i", "Keep STDIN open even if not attached"),
    label: listFlag("l", "Set meta data on a container", checkLabel),
    "label-file": listFlag(undefined, "Read in a line delimited file of labels"),
    name: stringFlag(undefined, "Assign a name to the container"),
    platform: stringFlag(undefined, "Set platform if server is multi-platform capable"),
    pull: valueFlag("string", `Pull image before ${verb} ("always", "missing", "never")`, {
      initial: "missing",
      shownDefault: "missing",
      parse: same,
    }),
    quiet: boolFlag("q", "Suppress the pull output"),
    restart: valueFlag("string", "Restart policy to apply when a container exits", {
      initial: "no",
      shownDefault: "no",
      parse: same,
    }),
    rm: boolFlag(undefined, "Automatically remove the container and its associated anonymous volumes when it exits"),
    "stop-signal": stringFlag(undefined, "Signal to stop the container"),
    "stop-timeout": intFlag(undefined, "Timeout (in seconds) to stop a container"),
    tty: boolFlag("t", "Allocate a pseudo-TTY"),
    "use-api-socket": boolFlag(undefined, "Bind mount Docker API socket and required auth"),
    user: stringFlag("u", "Username or UID (format: <name|uid>[:<group|gid>])"),
    workdir: stringFlag("w", "Working directory inside the container"),
  };
}
