import { join } from "node:path";
import { ROOT } from "./daemon.ts";
import { run } from "./process.ts";
import type { Ran, RunOptions } from "./process.ts";

const VARVE = join(ROOT, "bin/varve");
/** Between two runs a clock may tick ("2 seconds ago"); what differs for another reason differs every time. */
const ATTEMPTS = 3;

/** What both command lines did with the same words on the same daemon; the program's own name is taken out. */
export interface Parity {
  readonly docker: Ran;
  readonly varve: Ran;
}

/** What docker's archive package logs, or does not, when the daemon refuses an archive before all of it was read. */
const PIPE_LOG_LINE = /^time="[^"]*" level=error msg="Can't (?:add file|close tar writer)[^\n]*\n/gm;

const nameless = (ran: Ran): Ran => ({
  code: ran.code,
  stdout: ran.stdout.replaceAll("varve", "docker"),
  stderr: ran.stderr.replaceAll("varve", "docker").replace(PIPE_LOG_LINE, ""),
});

/** Without spans of time, and what their width does to columns: on a busy machine a second passes in every attempt. */
const timeless = (ran: Ran): Ran => {
  const text = (given: string): string =>
    given.replace(/(?:\d+ seconds?|Less than a second|About a minute)(?: ago)?/g, "TIME").replace(/ {2,}/g, "  ");
  return { ...ran, stdout: text(ran.stdout), stderr: text(ran.stderr) };
};

const same = (a: Ran, b: Ran): boolean => a.code === b.code && a.stdout === b.stdout && a.stderr === b.stderr;

/** Runs `docker ARGS` and `varve ARGS` on the daemon behind a socket and answers both results. */
export async function runBoth(socket: string, args: readonly string[], options: RunOptions = {}): Promise<Parity> {
  const env = { ...options.env, DOCKER_HOST: `unix://${socket}`, VARVE_HOST: `unix://${socket}` };
  for (let attempt = 1; ; attempt += 1) {
    const docker = nameless(await run("docker", args, { ...options, env }));
    const varve = nameless(await run(VARVE, args, { ...options, env }));
    if (same(docker, varve)) return { docker, varve };
    if (attempt === ATTEMPTS) return { docker: timeless(docker), varve: timeless(varve) };
  }
}

/** The docker command line's major version, e.g. 28. */
export async function dockerMajor(): Promise<number> {
  const { stdout } = await run("docker", ["--version"]);
  return Number(/version (\d+)\./.exec(stdout)?.[1] ?? "0");
}
