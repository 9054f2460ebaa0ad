import { EngineError, ErrorCode, redactUrl } from "#errors";
import { findProgram, runProgram } from "#host";

/** How a remote is spoken to: arguments and environment that every call of git gets. */
export interface GitAccess {
  /** `-c …`: an authorization header. */
  readonly arguments: readonly string[];
  /** Path of a socket that leads to the client's ssh agent. */
  readonly agentSocket: string | undefined;
  /** What the call reads from is a repository of our own. */
  readonly isLocal?: boolean;
  readonly signal: AbortSignal;
}

export interface GitResult {
  readonly stdout: string;
  readonly stderr: string;
}

const KEPT_VARIABLES = [
  "PATH",
  "HTTP_PROXY",
  "HTTPS_PROXY",
  "NO_PROXY",
  "http_proxy",
  "https_proxy",
  "no_proxy",
  "ALL_PROXY",
  "all_proxy",
];
/** The client's agent alone: no key of the daemon's own user, no question on a terminal of the daemon's. */
const SSH_COMMAND = [
  "ssh -F /dev/null",
  "-o StrictHostKeyChecking=no",
  "-o UserKnownHostsFile=/dev/null",
  "-o IdentityFile=none",
  "-o BatchMode=yes",
].join(" ");
/** Remotes over which nothing but a repository of somebody else can come: a submodule must not name one of this machine. */
const PROTOCOLS = "http:https:git:ssh";

/**
 * Runs git without a shell, without configuration of this machine, hooks, prompts or helper protocols.
 * @throws {not_found} MISSING_PROGRAM; {failed_precondition} with what git said
 */
export async function runGit(access: GitAccess, args: readonly string[], cwd?: string): Promise<GitResult> {
  const file = findProgram("git");
  if (file === undefined) {
    const message = "git is not installed: contexts and sources that are git repositories need it";
    throw new EngineError("not_found", ErrorCode.MISSING_PROGRAM, message, { hint: "install the Debian package git" });
  }
  const { code, stdout, stderr } = await runProgram({
    file,
    args: ["-c", "core.hooksPath=/dev/null", "-c", "protocol.ext.allow=never", ...access.arguments, ...args],
    env: environmentOf(access),
    signal: access.signal,
    ...(cwd === undefined ? {} : { cwd }),
  });
  const result = { stdout: stdout.toString("utf8"), stderr: stderr.toString("utf8") };
  if (code === 0) return result;
  const told = redactUrl(result.stderr.trim());
  throw new EngineError("failed_precondition", ErrorCode.SOURCE_FAILED, `git stderr:\n${told}: exit status ${code}`, {
    details: { exitCode: code },
  });
}

function environmentOf({ agentSocket, isLocal }: GitAccess): Record<string, string> {
  const kept = KEPT_VARIABLES.flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return {
    ...Object.fromEntries(kept),
    GIT_TERMINAL_PROMPT: "0",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_ALLOW_PROTOCOL: isLocal === true ? "file" : PROTOCOLS,
    GIT_SSH_COMMAND: SSH_COMMAND,
    HOME: "/dev/null",
    LC_ALL: "C",
    ...(agentSocket === undefined ? {} : { SSH_AUTH_SOCK: agentSocket }),
  };
}
