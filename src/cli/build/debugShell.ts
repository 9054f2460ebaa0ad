import type { LocalBuildShell } from "#engineapi";
import { parseFlags } from "../core/parseFlags.ts";
import { inputTerminal, terminalOf } from "../core/session.ts";
import type { Session } from "../core/session.ts";

/** Whether somebody sits there who could use a shell. */
export function canOpenShell(session: Session): boolean {
  return inputTerminal(session.stdin) !== undefined && terminalOf(session.stdout) !== undefined;
}

function csv(fields: Readonly<Record<string, string | number | undefined>>): string {
  return Object.entries(fields)
    .flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}`]))
    .map((field) => (/[",\n\r]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field))
    .join(",");
}

function mountWord(mount: LocalBuildShell["mounts"][number]): string {
  const { type, target } = mount;
  if (mount.type === "tmpfs") return csv({ type, target, "tmpfs-size": mount.size });
  return csv({ type, source: mount.source, target, readonly: mount.readOnly ? "true" : undefined });
}

/** Words of `varve run` for a shell that sees what the step saw. */
export function shellWords({ imageId, command, network, mounts, environment }: LocalBuildShell): readonly string[] {
  return [
    "-it",
    "--rm",
    "--pull",
    "never",
    "--hostname",
    "buildkitsandbox",
    ...(network === "default" ? [] : ["--network", network]),
    ...mounts.flatMap((mount) => ["--mount", mountWord(mount)]),
    ...environment.flatMap((variable) => ["--env", variable]),
    imageId,
    ...command,
  ];
}

/** Runs a shell in what a failed step began with, and takes the image away after it. */
export async function openDebugShell(session: Session, shell: LocalBuildShell): Promise<void> {
  const { run } = await import("../commands/run.ts");
  const { imageId, command } = shell;
  session.warn(`A shell where the step began (${command.join(" ")}):`);
  const { values, given, rest } = parseFlags(shellWords(shell), run.flags, { interspersed: false });
  try {
    await run.run({ session, flags: values, given, args: rest });
  } finally {
    const path = `/images/${encodeURIComponent(imageId)}`;
    // Somebody may have given it a name meanwhile, or uses it.
    await session.client.text({ method: "DELETE", path }).catch(() => undefined);
  }
}
