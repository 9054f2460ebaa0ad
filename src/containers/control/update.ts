import { randomUUID } from "node:crypto";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { liftCgroupLimit, runProgram } from "#host";
import { EngineError, ErrorCode, wrapError } from "#errors";
import type { Container } from "../container.ts";
import { Fields } from "../request/fields.ts";
import { parseHostConfig } from "../request/hostConfig.ts";
import type { HostConfig } from "../request/hostConfig.ts";
import { kernelSupport } from "../request/kernelSupport.ts";
import { checkResources } from "../request/resourceChecks.ts";
import { parseRestartPolicy } from "../request/restartPolicy.ts";
import type { ContainerRoom } from "../room.ts";
import { containerResources, cpuSharesFault } from "../spec/resources.ts";
import { cgroupOf } from "../spec/runtimeSpec.ts";

const invalid = (message: string): EngineError => new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, message);
const conflict = (what: string, other: string): EngineError =>
  invalid(`Conflicting options: ${what} cannot be updated as ${other} has already been set`);

/** What an update may change; 0 and empty mean "as it is". */
const NUMBERS = [
  "Memory",
  "MemorySwap",
  "MemoryReservation",
  "NanoCpus",
  "CpuShares",
  "CpuQuota",
  "CpuPeriod",
  "CpuRealtimePeriod",
  "CpuRealtimeRuntime",
  "PidsLimit",
  "BlkioWeight",
] as const;
const TEXTS = ["CpusetCpus", "CpusetMems"] as const;

type Change = Partial<Pick<HostConfig, (typeof NUMBERS)[number] | (typeof TEXTS)[number] | "RestartPolicy">>;

/** Docker's rules of what may not come together (moby container_unix.go UpdateContainer). */
function checkAgainst(before: HostConfig, fields: Fields): void {
  const given = (name: (typeof NUMBERS)[number]): boolean => fields.integer(name) > 0;
  if (given("NanoCpus") && before.CpuPeriod > 0) throw conflict("Nano CPUs", "CPU Period");
  if (given("NanoCpus") && before.CpuQuota > 0) throw conflict("Nano CPUs", "CPU Quota");
  if (given("CpuQuota") && before.NanoCpus > 0) throw conflict("CPU Quota", "NanoCPUs");
  if (given("CpuPeriod") && before.NanoCpus > 0) throw conflict("CPU Period", "NanoCPUs");
  const memory = fields.integer("Memory");
  if (memory > 0 && before.MemorySwap !== -1 && memory > before.MemorySwap && fields.integer("MemorySwap") === 0) {
    throw invalid(
      "Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time",
    );
  }
}

/** `kept` is the request without what this kernel cannot. */
function changeOf(fields: Fields, kept: HostConfig, { AutoRemove }: HostConfig): Change {
  const numbers = NUMBERS.map((name) => [name, fields.integer(name)] as const).filter(
    ([name, value]) => value !== 0 && (value < 0 || name === "MemorySwap" || Boolean(kept[name])),
  );
  const texts = TEXTS.map((name) => [name, kept[name]] as const).filter(([, value]) => value !== "");
  const named = fields.object("RestartPolicy").text("Name") !== "";
  const policy = named ? parseRestartPolicy(fields, false) : undefined;
  if (AutoRemove && policy !== undefined && policy.Name !== "no") {
    throw invalid("Restart policy cannot be updated because AutoRemove is enabled for the container");
  }
  return { ...Object.fromEntries([...numbers, ...texts]), ...(policy === undefined ? {} : { RestartPolicy: policy }) };
}

/** Without what is lifted rather than set. */
function bounded(hostConfig: HostConfig): HostConfig {
  const { CpuQuota, PidsLimit } = hostConfig;
  return { ...hostConfig, CpuQuota: Math.max(CpuQuota, 0), PidsLimit: (PidsLimit ?? 0) < 0 ? null : PidsLimit };
}

/** Changes a running container's cgroups by its runtime, which knows every hierarchy and version. */
async function applyLimits(room: ContainerRoom, container: Container, hostConfig: HostConfig): Promise<void> {
  const cgroup = cgroupOf(container.document);
  const fault = cpuSharesFault(hostConfig.CpuShares);
  if (fault !== undefined) {
    const said = `runc did not terminate successfully: exit status 1: ${fault}\n: unknown`;
    throw new EngineError("internal", ErrorCode.RUNTIME_FAILED, said);
  }
  // crun takes no number for "as much as there is".
  if (hostConfig.CpuQuota < 0) await liftCgroupLimit(cgroup, "cpu");
  if ((hostConfig.PidsLimit ?? 0) < 0) await liftCgroupLimit(cgroup, "pids");
  const { devices: _devices, ...resources } = containerResources(bounded(hostConfig));
  if (Object.keys(resources).length === 0) return;
  const runtime = await room.runtimeOf(container);
  const file = join(container.paths.bundle, `update-${randomUUID()}.json`);
  await writeFile(file, JSON.stringify(resources), { mode: 0o600 });
  try {
    const args = ["--root", room.layout.runtimeState, "update", "--resources", file, container.id];
    const { code, stderr } = await runProgram({ file: runtime.file, args });
    if (code !== 0) throw new EngineError("internal", ErrorCode.RUNTIME_FAILED, stderr.toString().trim());
  } finally {
    await rm(file, { force: true });
  }
}

/**
 * Limits and restart policy of a container, changed at once and for later starts; nothing is recorded when the kernel
 * refuses. @throws {invalid_argument} in Docker's words
 */
export function updateContainer(
  room: ContainerRoom,
  reference: string,
  request: unknown,
): Promise<{ readonly Warnings: readonly string[] | null }> {
  const fields = new Fields(request, "UpdateConfig");
  // What a create would refuse is refused in the same words; but swap may come without memory, which is set already.
  const parsed = parseHostConfig(request);
  const asked = parsed.Memory === 0 ? { ...parsed, MemorySwap: 0 } : parsed;
  const checked = checkResources(asked, kernelSupport());
  const container = room.index.get(reference);
  return container.exclusive(() => change(room, container, { fields, ...checked }));
}

async function change(
  room: ContainerRoom,
  container: Container,
  { fields, hostConfig: kept, warnings }: ReturnType<typeof checkResources> & { readonly fields: Fields },
): Promise<{ readonly Warnings: readonly string[] | null }> {
  const { hostConfig, state } = container.document;
  let changed: HostConfig;
  try {
    if (container.removal !== undefined || state.status === "dead") {
      throw invalid('container is marked for removal and cannot be "update"');
    }
    checkAgainst(hostConfig, fields);
    changed = { ...hostConfig, ...changeOf(fields, kept, hostConfig) };
    if (container.isRunning) await applyLimits(room, container, changed);
  } catch (error) {
    throw wrapError(error, `Cannot update container ${container.id}`);
  }
  // A limit that was lifted is shown as none.
  const PidsLimit = changed.PidsLimit === null ? null : Math.max(changed.PidsLimit, 0);
  container.update({ hostConfig: { ...changed, PidsLimit } });
  container.emit("update");
  return { Warnings: warnings.length === 0 ? null : warnings };
}
