import { mkdirSync, mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { EngineError, ErrorCode, messageOf } from "#errors";
import { erofsSupport, hasFilesystem, hasModule, kernelRelease, mountErofs, mountErofsLoop, unmount } from "#host";
import type { KernelRelease } from "#host";
import type { LayerStore } from "#layers";
import type { SettingRecords } from "#metadata";
import { writeTarStream } from "#tar";

const STORAGE_DRIVERS = ["erofs", "erofs-file", "erofs-loop", "overlay2"] as const;
/** What `--storage-driver` may say; `erofs` takes the better of its two backends. */
export type StorageDriver = (typeof STORAGE_DRIVERS)[number];

/** @throws {invalid_argument} INVALID_FLAG, in dockerd's words */
export function parseStorageDriver(text: string): StorageDriver {
  const known = STORAGE_DRIVERS.find((name) => name === text);
  if (known !== undefined) return known;
  throw new EngineError("invalid_argument", ErrorCode.INVALID_FLAG, `driver not supported: ${text}`, {
    hint: `--storage-driver takes ${STORAGE_DRIVERS.join(", ")}.`,
  });
}

/** How committed layers are made visible. */
export type Backend = "file" | "loop" | "unpacked";

export interface ChosenDriver {
  readonly backend: Backend;
  /** Why this one: a sentence for `info`. */
  readonly reason: string;
}

export interface DriverChoice {
  readonly forced: StorageDriver | undefined;
  /** Where a test mount may be made; on the filesystem of the layer files. */
  readonly directory: string;
  readonly layers: LayerStore;
  readonly settings: SettingRecords;
}

const CANDIDATES: Readonly<Record<StorageDriver | "auto", readonly Backend[]>> = {
  auto: ["file", "loop", "unpacked"],
  erofs: ["file", "loop"],
  "erofs-file": ["file"],
  "erofs-loop": ["loop"],
  overlay2: ["unpacked"],
};
const SETTING = "snapshots.backend";

/**
 * Picks by kernel version first, because some kernels panic on a file-backed mount, and only then by a mount of an empty
 * image: the data root's filesystem may be one that cannot back EROFS. The outcome is remembered per data root and
 * kernel.
 *
 * @throws {failed_precondition} UNSUPPORTED_KERNEL when a forced driver cannot work here
 */
export async function chooseDriver(choice: DriverChoice): Promise<ChosenDriver> {
  const release = kernelRelease();
  const gate = await gateOf(release);
  const allowed = CANDIDATES[choice.forced ?? "auto"].filter((backend) => backend === "unpacked" || gate[backend]);
  const remembered = recall(choice, release);
  const [known] = allowed.filter((backend) => backend === remembered);
  if (known !== undefined) return { backend: known, reason: gate.reason };
  const refusals = [gate.reason];
  for (const backend of allowed) {
    const failure = backend === "unpacked" ? undefined : await tryMount(choice, backend);
    if (failure === undefined) {
      if (backend !== "unpacked") remember(choice, release, backend);
      return { backend, reason: refusals.join("; ") };
    }
    refusals.push(failure);
  }
  throw new EngineError(
    "failed_precondition",
    ErrorCode.UNSUPPORTED_KERNEL,
    `storage driver ${choice.forced ?? "erofs"} cannot be used here: ${refusals.join("; ")}`,
    { hint: "Leave out --storage-driver, or use --storage-driver overlay2." },
  );
}

interface Gate {
  readonly file: boolean;
  readonly loop: boolean;
  readonly reason: string;
}

async function gateOf(release: KernelRelease): Promise<Gate> {
  if ((await hasFilesystem("erofs")) || (await hasModule("erofs", release.text))) return erofsSupport(release);
  return { file: false, loop: false, reason: `Linux ${release.text} has no EROFS` };
}

function recall({ settings }: DriverChoice, release: KernelRelease): string | undefined {
  const [backend, kernel] = settings.get(SETTING)?.split(" ") ?? [];
  return kernel === release.text ? backend : undefined;
}

function remember({ settings }: DriverChoice, release: KernelRelease, backend: Backend): void {
  settings.put(SETTING, `${backend} ${release.text}`);
}

/** What the kernel said to mounting an empty layer; undefined when it did. Failing to write one is no answer and thrown. */
async function tryMount({ directory, layers }: DriverChoice, backend: "file" | "loop"): Promise<string | undefined> {
  const folder = mkdtempSync(join(directory, "try-"));
  const [source, target] = [join(folder, "layer"), join(folder, "mounted")];
  try {
    mkdirSync(target);
    await layers.writeLayerFile(source, writeTarStream([{ header: { path: "./", type: "directory", mode: 0o755 } }]));
    return await mountAndUnmount(backend, source, target);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function mountAndUnmount(backend: "file" | "loop", source: string, target: string): Promise<string | undefined> {
  try {
    await (backend === "file" ? mountErofs : mountErofsLoop)({ source, target });
  } catch (error) {
    return `by ${backend}: ${messageOf(error)}`;
  }
  await unmount(target);
  return undefined;
}
