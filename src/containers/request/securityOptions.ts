import { EngineError, ErrorCode } from "#errors";
import { parseGoBoolean } from "#gotext";

/** What `--security-opt` asks, of what has an effect on a host without SELinux. */
export interface SecurityOptions {
  readonly noNewPrivileges: boolean;
  /** `""`: the default profile; `unconfined`, `builtin`, or the JSON of a profile. */
  readonly seccomp: string;
  /** As asked; it has an effect only where the kernel has AppArmor. */
  readonly appArmor: string;
  /** /sys/fs/cgroup can be written (Docker 28). */
  readonly writableCgroups: boolean;
}

const DEFAULTS: SecurityOptions = { noNewPrivileges: false, seccomp: "", appArmor: "", writableCgroups: false };

function refuse(option: string, stage: 1 | 2): EngineError {
  return new EngineError(
    "internal",
    ErrorCode.BAD_REQUEST,
    `invalid --security-opt ${stage}: ${JSON.stringify(option)}`,
  );
}

function parseFlag(value: string, option: string): boolean {
  const parsed = parseGoBoolean(value);
  if (parsed === undefined) throw refuse(option, 2);
  return parsed;
}

function readOption(option: string): Partial<SecurityOptions> {
  if (option === "no-new-privileges") return { noNewPrivileges: true };
  if (option === "disable") return {};
  const separator = option.includes("=") ? "=" : ":";
  const at = option.indexOf(separator);
  if (at < 0) throw refuse(option, 1);
  const value = option.slice(at + 1);
  switch (option.slice(0, at)) {
    case "label":
      return {};
    case "apparmor":
      return { appArmor: value };
    case "seccomp":
      return { seccomp: value };
    case "no-new-privileges":
      return { noNewPrivileges: parseFlag(value, option) };
    case "writable-cgroups":
      return { writableCgroups: parseFlag(value, option) };
    default:
      throw refuse(option, 2);
  }
}

/** @throws {internal} in Docker's words and with its status for an option that it does not know */
export function parseSecurityOptions(options: readonly string[] | null): SecurityOptions {
  return (options ?? []).reduce((known, option) => ({ ...known, ...readOption(option) }), DEFAULTS);
}

/** A container that sees the host's processes, its IPC or all of its devices has no label of its own. */
export function withLabelOption(
  options: readonly string[] | null,
  host: { readonly Privileged: boolean; readonly PidMode: string; readonly IpcMode: string },
): readonly string[] | null {
  if (options?.some((option) => option.split("=", 1)[0] === "label") === true) return options;
  if (!host.Privileged && host.PidMode !== "host" && host.IpcMode !== "host") return options;
  return [...(options ?? []), "label=disable"];
}
