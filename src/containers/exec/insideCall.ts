import { posix } from "node:path";
import type { InsideCall } from "#host";
import type { Container } from "../container.ts";
import { capabilityBits } from "../spec/capabilities.ts";
import type { OciProcess, OciSpec } from "../spec/ociSpec.ts";

/** asm-generic/resource.h, by number. */
const LIMITS: readonly string[] =
  "CPU FSIZE DATA STACK CORE RSS NPROC NOFILE MEMLOCK AS LOCKS SIGPENDING MSGQUEUE NICE RTPRIO RTTIME"
    .split(" ")
    .map((name) => `RLIMIT_${name}`);

const FILTER = "run.oci.seccomp_bpf_data";

/** What is understood here. A process or spec that says more is a runtime's affair. */
const PROCESS_KEYS = new Set(
  "terminal consoleSize user args env cwd capabilities rlimits noNewPrivileges apparmorProfile oomScoreAdj".split(" "),
);
const NAMESPACE_TYPES = new Set("mount network uts pid ipc cgroup".split(" "));

const onlyHas = (value: object, keys: ReadonlySet<string>): boolean => Object.keys(value).every((key) => keys.has(key));

/** Plain as `docker exec` has it. */
function isPlain(process: OciProcess, { annotations = {}, linux }: OciSpec): boolean {
  return (
    onlyHas(process, PROCESS_KEYS) &&
    onlyHas(process.user, new Set(["uid", "gid", "additionalGids"])) &&
    onlyHas(process.capabilities, new Set(["bounding", "effective", "permitted"])) &&
    (process.rlimits ?? []).every(({ type }) => LIMITS.includes(type)) &&
    // A profile of the client's own is compiled by the runtime, which alone knows what it asks for.
    linux.seccomp === undefined &&
    !("uidMappings" in linux) &&
    linux.namespaces.every(({ type }) => NAMESPACE_TYPES.has(type)) &&
    !Object.keys(annotations).some((key) => key.startsWith("run.oci.") && key !== FILTER)
  );
}

/**
 * Where a program may be, in the order of search; undefined when a runtime should look: for what no directory of PATH is
 * asked about, or one that depends on where the process is.
 */
function candidates({ args: [program = ""], env }: OciProcess): readonly string[] | undefined {
  if (program === "") return undefined;
  if (program.includes("/")) return [program];
  const path = env.findLast((variable) => variable.startsWith("PATH="))?.slice("PATH=".length) ?? "";
  const directories = path.split(":");
  if (!directories.every((directory) => posix.isAbsolute(directory))) return undefined;
  return directories.map((directory) => posix.join(directory, program));
}

const hasNul = (texts: readonly string[]): boolean => texts.some((text) => text.includes("\0"));

/** What is decided once for all execs of a run. */
export interface RunFacts {
  readonly spec: OciSpec;
  readonly filter: Buffer | undefined;
}

export function runFacts(spec: OciSpec): RunFacts {
  const text = spec.annotations?.[FILTER];
  return { spec, filter: text === undefined ? undefined : Buffer.from(text, "base64") };
}

/** An exec as the host starts it without a runtime; undefined when anything about it is unusual. */
export function insideCall(
  container: Pick<Container, "id" | "state">,
  process: OciProcess,
  { spec, filter }: RunFacts,
): Omit<InsideCall, "fds"> | undefined {
  const { init } = container.state;
  const { args, env, cwd, user } = process;
  const files = candidates(process);
  if (init === undefined || files === undefined || !isPlain(process, spec)) return undefined;
  if (hasNul([...args, ...env, cwd])) return undefined;
  return {
    target: init,
    cgroup: spec.linux.cgroupsPath,
    files,
    args,
    env,
    cwd,
    user,
    capabilities: {
      bounding: capabilityBits(process.capabilities.bounding),
      effective: capabilityBits(process.capabilities.effective),
      permitted: capabilityBits(process.capabilities.permitted),
    },
    noNewPrivileges: process.noNewPrivileges === true,
    ...(process.apparmorProfile === undefined ? {} : { appArmor: process.apparmorProfile }),
    ...(filter === undefined ? {} : { seccomp: filter }),
    limits: (process.rlimits ?? []).map(({ type, soft, hard }) => ({ resource: LIMITS.indexOf(type), soft, hard })),
    oomScoreAdj: process.oomScoreAdj,
    keyring: container.id,
    ...(process.terminal === true ? { terminal: true } : {}),
  };
}
