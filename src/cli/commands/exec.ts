import { defineCommand } from "../core/command.ts";
import type { Command } from "../core/command.ts";
import { boolFlag, listFlag, stringFlag } from "../core/flags.ts";
import type { Session } from "../core/session.ts";
import { checkVariable, readKeyValueFile } from "../options/keyValues.ts";
import { checkTerminal, detachKeysOf, escapeError, joinStreams } from "../stream/attach.ts";
import type { StreamWish } from "../stream/attach.ts";
import { DEFAULT_DETACH_KEYS } from "../stream/detachKeys.ts";
import { containerPath } from "../stream/forEach.ts";
import { consoleSize, followSize } from "../stream/terminalSize.ts";

type Json = Readonly<Record<string, unknown>>;

function environment(files: readonly string[], variables: readonly string[]): readonly string[] | null {
  const lookup = (name: string): string | undefined => process.env[name];
  const all = [...files.flatMap((path) => readKeyValueFile(path, lookup)), ...variables];
  return all.length === 0 ? null : all;
}

/** Rows and columns for a new terminal; nothing where there is none. */
function sizeOf(session: Session, tty: boolean): Json {
  return tty ? { ConsoleSize: consoleSize(session) ?? [0, 0] } : {};
}

async function runAttached(session: Session, id: string, wish: StreamWish): Promise<number> {
  const hijacked = await session.client.hijack({
    method: "POST",
    path: `/exec/${id}/start`,
    json: { Detach: false, Tty: wish.tty, ...sizeOf(session, wish.tty) },
  });
  const attached = joinStreams(session, wish, hijacked);
  const stopResizing = wish.tty ? followSize(session, `/exec/${id}`) : undefined;
  try {
    if ((await attached.pump()) === "detached") throw escapeError();
  } finally {
    stopResizing?.();
    attached.release();
  }
  const { ExitCode } = await session.client.json<{ readonly ExitCode: number | null }>({ path: `/exec/${id}/json` });
  return ExitCode ?? 0;
}

/** `varve exec`. */
export const exec: Command = defineCommand({
  use: "[OPTIONS] CONTAINER COMMAND [ARG...]",
  short: "Execute a command in a running container",
  examples: `exec -it web sh
exec -u root -w /etc web cat passwd`,
  args: { min: 2 },
  interspersed: false,
  flags: {
    detach: boolFlag("d", "Detached mode: run command in the background"),
    "detach-keys": stringFlag(undefined, "Override the key sequence for detaching a container"),
    env: listFlag("e", "Set environment variables", checkVariable),
    "env-file": listFlag(undefined, "Read in a file of environment variables"),
    interactive: boolFlag("i", "Keep STDIN open even if not attached"),
    privileged: boolFlag(undefined, "Give extended privileges to the command"),
    tty: boolFlag("t", "Allocate a pseudo-TTY"),
    user: stringFlag("u", 'Username or UID (format: "<name|uid>[:<group|gid>]")'),
    workdir: stringFlag("w", "Working directory inside the container"),
  },
  async run({ session, flags, args: [name = "", ...command] }) {
    const env = environment(flags["env-file"], flags.env);
    // "No such container" is told before anything about our terminal.
    await session.client.text({ path: containerPath(name, "/json") });
    const stdin = flags.interactive && !flags.detach;
    checkTerminal(session, stdin, flags.tty && !flags.detach);
    const detachKeys = detachKeysOf(session, flags["detach-keys"]);
    const { Id } = await session.client.json<{ readonly Id: string }>({
      method: "POST",
      path: containerPath(name, "/exec"),
      json: {
        User: flags.user,
        Privileged: flags.privileged,
        Tty: flags.tty,
        ...sizeOf(session, flags.tty),
        AttachStdin: stdin,
        AttachStderr: !flags.detach,
        AttachStdout: !flags.detach,
        Detach: flags.detach,
        DetachKeys: detachKeys === DEFAULT_DETACH_KEYS ? "" : detachKeys,
        Env: env,
        WorkingDir: flags.workdir,
        Cmd: command,
      },
    });
    if (flags.detach) {
      const json = { Detach: true, Tty: flags.tty, ...sizeOf(session, flags.tty) };
      await session.client.text({ method: "POST", path: `/exec/${Id}/start`, json });
      return 0;
    }
    return runAttached(session, Id, { streams: { stdin, stdout: true, stderr: true }, tty: flags.tty, detachKeys });
  },
});
