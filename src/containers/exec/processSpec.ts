import { readFileSync } from "node:fs";
import { isAbsolute } from "node:path";
import type { Container } from "../container.ts";
import { readAccountFiles } from "../rootfs/rootfsFiles.ts";
import { homeOf, lookupUser } from "../rootfs/userLookup.ts";
import { resolveCapabilities } from "../spec/capabilities.ts";
import type { OciProcess, OciSpec } from "../spec/ociSpec.ts";
import { environmentOf } from "../spec/runtimeSpec.ts";
import { relativeDirectory } from "./execError.ts";
import type { ExecConfig } from "./execRequest.ts";
import { runFacts } from "./insideCall.ts";
import type { RunFacts } from "./insideCall.ts";

const known = new WeakMap<Container, { readonly startTime: number | undefined; readonly facts: RunFacts }>();

/** What the container runs with: what an exec inherits. Read once a run. */
export function factsOf(container: Container): RunFacts {
  const startTime = container.state.init?.startTime;
  const before = known.get(container);
  if (before !== undefined && before.startTime === startTime) return before.facts;
  const facts = runFacts(JSON.parse(readFileSync(container.paths.spec, "utf8")) as OciSpec);
  known.set(container, { startTime, facts });
  return facts;
}

function everything(): OciProcess["capabilities"] {
  const all = resolveCapabilities({ privileged: true, add: [], drop: [] });
  return { bounding: all, effective: all, permitted: all };
}

/**
 * The OCI process of an exec: its own command, user, directory and variables; capabilities, limits and the like as the
 * container's. `rootfs` is the mounted root, whose account files name users; HOME is set here, for a runtime would read
 * them again, and by a path that the container rules.
 * @throws {invalid_argument} for an unknown user or a relative directory, in Docker's words
 */
export function execProcess(container: Container, config: ExecConfig, rootfs: string): OciProcess {
  const { document } = container;
  const cwd = config.workingDir || document.config.WorkingDir || "/";
  if (!isAbsolute(cwd)) throw relativeDirectory();
  const accounts = readAccountFiles(rootfs);
  const user = lookupUser(config.user || document.config.User, accounts, document.hostConfig.GroupAdd ?? []);
  const env = environmentOf(document, config.tty, { last: config.env });
  const hasHome = env.some((variable) => variable.startsWith("HOME="));
  const { terminal: _terminal, consoleSize: _size, ...inherited } = factsOf(container).spec.process;
  const { consoleSize } = config;
  return {
    ...inherited,
    ...(config.tty ? { terminal: true } : {}),
    ...(config.tty && consoleSize !== undefined
      ? { consoleSize: { height: consoleSize.rows, width: consoleSize.columns } }
      : {}),
    ...(config.privileged ? { capabilities: everything() } : {}),
    user,
    args: config.command,
    env: hasHome ? env : [...env, `HOME=${homeOf(user.uid, accounts)}`],
    cwd,
  };
}
