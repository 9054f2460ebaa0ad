import type { RunInstruction, RunMount } from "#dockerfile";
import { EngineError, ErrorCode } from "#errors";
import type { ExecMount } from "../graph/operation.ts";
import type { Vertex } from "../graph/vertex.ts";
import type { Later } from "./later.ts";
import { joinPath } from "./paths.ts";
import type { PlanContext } from "./planContext.ts";
import type { StageState } from "./stage.ts";

const DEFAULT_SECRET_MODE = 0o400;
const DEFAULT_SSH_MODE = 0o600;

function refused(message: string): EngineError {
  return new EngineError("invalid_argument", ErrorCode.INVALID_DOCKERFILE, message);
}

const lastPart = (path: string): string => path.split("/").findLast((part) => part !== "") ?? "";

interface Place {
  readonly context: PlanContext;
  readonly state: StageState;
  readonly source: StageState | undefined;
  /** Vertices that mounts read, behind the base. */
  readonly inputs: Later<Vertex>[];
}

function inputOf({ inputs }: Place, vertex: Later<Vertex>): number {
  const known = inputs.indexOf(vertex);
  if (known >= 0) return known + 1;
  inputs.push(vertex);
  return inputs.length;
}

function secretMount(mount: RunMount): ExecMount {
  const { env, mode = DEFAULT_SECRET_MODE, uid = 0, gid = 0, required } = mount;
  const named = mount.source === "" ? mount.id : mount.source;
  if (named === "" && mount.target === "") throw refused("one of source, target required");
  const id = named === "" ? lastPart(mount.target) : named;
  const fallback = env === undefined ? `/run/secrets/${lastPart(id)}` : undefined;
  const target = mount.target === "" ? fallback : joinPath("/", mount.target);
  return { type: "secret", id, target, environment: env === "" ? id : env, required, mode, uid, gid };
}

function sshMount(mount: RunMount, index: number): ExecMount {
  const { mode = DEFAULT_SSH_MODE, uid = 0, gid = 0, required } = mount;
  const id = mount.id === "" ? "default" : mount.id;
  const target = mount.target === "" ? `/run/buildkit/ssh_agent.${index}` : joinPath("/", mount.target);
  return { type: "ssh", id, target, required, mode, uid, gid };
}

function cacheMount(place: Place, mount: RunMount, target: string): ExecMount {
  const namespace = place.context.options.buildArguments.get("BUILDKIT_CACHE_MOUNT_NS") ?? "";
  const { sharing, readOnly, mode, uid, gid, source } = mount;
  const id = mount.id === "" ? joinPath("/", mount.target) : mount.id;
  return {
    type: "cache",
    id: `${namespace}/${id}`,
    sharing: sharing === "" ? "shared" : sharing,
    target,
    readOnly,
    input: place.source === undefined ? undefined : inputOf(place, place.source.vertex),
    source: joinPath("/", source),
    mode,
    uid,
    gid,
  };
}

function targetOf({ state }: Place, mount: RunMount): string {
  const target = joinPath(state.workingDirectory, mount.target);
  if (target === "/") throw refused(`invalid mount target "${target}"`);
  return target;
}

function mountOf(place: Place, mount: RunMount, sshIndex: number): ExecMount {
  const { source, context, state } = place;
  if (mount.type === "secret") return secretMount(mount);
  if (mount.type === "ssh") return sshMount(mount, sshIndex);
  if (source !== undefined && !source.isDone) {
    throw refused(
      `cannot mount from stage "${mount.from}" to "${mount.target}", stage needs to be defined before current command`,
    );
  }
  const target = targetOf(place, mount);
  if (mount.type === "tmpfs")
    return { type: "tmpfs", target, size: mount.sizeLimit === 0 ? undefined : mount.sizeLimit };
  const path = joinPath("/", mount.source);
  if (source !== undefined) source.paths.add(path);
  else if (mount.type === "bind") state.contextPaths.add(path);
  if (mount.type === "cache") return cacheMount(place, mount, target);
  const input = inputOf(place, source?.vertex ?? context.buildContext);
  return { type: "bind", input, source: path, target, readWrite: !mount.readOnly };
}

/** RUN's mounts as data; what they read is appended to `inputs`. */
export function runMounts(
  context: PlanContext,
  state: StageState,
  instruction: RunInstruction,
  { sources, inputs }: { readonly sources: readonly (StageState | undefined)[]; readonly inputs: Later<Vertex>[] },
): readonly ExecMount[] {
  let agents = 0;
  return instruction.mounts.map((mount, index) => {
    if (mount.type === "ssh") agents += 1;
    return mountOf({ context, state, source: sources[index], inputs }, mount, agents - 1);
  });
}
