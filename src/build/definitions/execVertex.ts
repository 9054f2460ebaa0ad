import { EngineError, ErrorCode } from "#errors";
import { layered, makeVertex } from "../frontend/vertices.ts";
import type { ExecMount, ExecOperation } from "../graph/operation.ts";
import type { Vertex } from "../graph/vertex.ts";
import type { DefinedExec, DefinedMount } from "./definition.ts";
import { DEFAULT_PATH, refused, unsupported, vertexAt } from "./planning.ts";
import type { PlannedOperation, Planning } from "./planning.ts";

const NETWORKS = ["default", "host", "none"] as const;
const SHARING = ["shared", "private", "locked"] as const;
const TYPES = ["bind", "secret", "ssh", "cache", "tmpfs"] as const;
const NO_INPUT = -1;

/** Collects what mounts read from: inputs of the vertex after its base. */
class MountInputs {
  readonly vertices: Vertex[];
  readonly #inputs: readonly Vertex[];

  constructor(base: Vertex, inputs: readonly Vertex[]) {
    this.vertices = [base];
    this.#inputs = inputs;
  }

  add(index: number): number {
    this.vertices.push(vertexAt(this.#inputs, index));
    return this.vertices.length - 1;
  }
}

function mountOf(mount: DefinedMount, inputs: MountInputs): ExecMount {
  const { dest: target, selector, readonly: readOnly, tmpfsOpt, cacheOpt, secretOpt, sshOpt } = mount;
  const source = selector === "" ? "/" : selector;
  const type = TYPES[mount.mountType];
  if (type === undefined) throw unsupported(`mount type ${mount.mountType}`);
  switch (type) {
    case "bind":
      return { type: "bind", input: inputs.add(mount.input), source, target, readWrite: !readOnly };
    case "cache":
      return {
        type: "cache",
        id: cacheOpt?.id ?? "",
        sharing: SHARING[cacheOpt?.sharing ?? 0] ?? "shared",
        target,
        readOnly,
        input: mount.input === NO_INPUT ? undefined : inputs.add(mount.input),
        source,
        mode: undefined,
        uid: undefined,
        gid: undefined,
      };
    case "tmpfs":
      return { type: "tmpfs", target, size: tmpfsOpt === undefined || tmpfsOpt.size === 0 ? undefined : tmpfsOpt.size };
    case "secret": {
      if (secretOpt === undefined) throw refused("invalid secret mount options");
      const { id, optional, ...owned } = secretOpt;
      return { type: "secret", id, target, environment: undefined, required: !optional, ...owned };
    }
    case "ssh": {
      if (sshOpt === undefined) throw refused("invalid ssh mount options");
      const { id, optional, ...owned } = sshOpt;
      return { type: "ssh", id: id === "" ? "default" : id, target, required: !optional, ...owned };
    }
  }
}

function secretVariables({ secretenv }: DefinedExec): readonly ExecMount[] {
  return secretenv.map(({ id, name, optional }) => ({
    type: "secret",
    id,
    target: undefined,
    environment: name,
    required: !optional,
    mode: 0o400,
    uid: 0,
    gid: 0,
  }));
}

/** @throws {permission_denied} in BuildKit's words when the client did not allow it */
function checkEntitlements({ request }: Planning, { network, security }: ExecOperation): void {
  const needed = [
    ...(network === "host" ? ["network.host"] : []),
    ...(security === "insecure" ? ["security.insecure"] : []),
  ];
  for (const name of needed)
    if (!request.entitlements.includes(name))
      throw new EngineError("permission_denied", ErrorCode.BAD_REQUEST, `failed to load LLB: ${name} is not allowed`);
}

/** @throws {invalid_argument} without command or root; {not_implemented} for the output of another mount */
export function execVertex(planning: Planning, planned: PlannedOperation, output: number): Vertex {
  const { operation, inputs, platform, name } = planned;
  const { exec } = operation;
  const meta = exec?.meta;
  if (exec === undefined || meta === undefined || meta.args.length === 0)
    throw refused("failed to load LLB: invalid exec op with no meta or args");
  const root = exec.mounts.find(({ dest }) => dest === "/");
  if (root === undefined) throw refused("failed to load LLB: invalid exec op with no rootfs");
  if (root.output !== output) throw unsupported("the output of a mount that is not the root");
  const base = layered(vertexAt(inputs, root.input));
  const read = new MountInputs(base, inputs);
  const others = exec.mounts.filter((mount) => mount !== root);
  const environment = meta.env.some((entry) => entry.startsWith("PATH=")) ? meta.env : [...meta.env, DEFAULT_PATH];
  const command: ExecOperation = {
    kind: "exec",
    arguments: meta.args,
    environment,
    workingDirectory: meta.cwd === "" ? "/" : meta.cwd,
    user: meta.user,
    mounts: [...others.map((mount) => mountOf(mount, read)), ...secretVariables(exec)],
    network: NETWORKS[exec.network] ?? "default",
    security: exec.security === 1 ? "insecure" : "sandbox",
    platform,
    limits: {
      shmSize: undefined,
      ulimits: meta.ulimit.map(({ name: limit, soft, hard }) => `${limit}=${soft}:${hard}`),
      cgroupParent: meta.cgroupParent === "" ? undefined : meta.cgroupParent,
    },
    hostname: meta.hostname === "" ? undefined : meta.hostname,
    extraHosts: meta.extraHosts.map(({ host, ip }) => `${host}:${ip}`),
    proxyEnvironment: [],
    ...(meta.validExitCodes.length === 0 ? {} : { validExitCodes: meta.validExitCodes }),
  };
  checkEntitlements(planning, command);
  return makeVertex({
    name: name ?? meta.args.join(" "),
    operation: command,
    inputs: read.vertices,
    ignoreCache: operation.ignoreCache,
  });
}
