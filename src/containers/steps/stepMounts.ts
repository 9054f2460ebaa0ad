import { chmodSync, chownSync, closeSync, existsSync, mkdirSync, readlinkSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { EngineError, ErrorCode } from "#errors";
import { isErrno, mountByName, mountOverlay, openInRoot, unmount } from "#host";
import type { OciMount } from "../spec/ociSpec.ts";
import { fdPath, O_PATH } from "../files/openFile.ts";
import type { MountTarget } from "./mountStubs.ts";
import type { StepMount } from "./stepRunner.ts";
import { openSocket } from "./stepSocket.ts";
import { makePlace } from "./stepSlots.ts";
import type { StepStacks } from "./stepStacks.ts";

/** Mounts of a step, ready for the runtime. */
export interface ReadyMounts {
  readonly oci: readonly OciMount[];
  readonly targets: readonly MountTarget[];
}

type Content = Extract<StepMount, { readonly kind: "content" }>;

const MEMORY = "memory";

interface MountContext {
  readonly stacks: StepStacks;
  /** The step's own. */
  readonly directory: string;
  /** For what is written and thrown away. */
  readonly scratch: string;
  /** Takes back what was made when the step has ended. */
  readonly cleanup: AsyncDisposableStack;
}

/** Makes ready what a step's mounts need on the host. @throws {not_found} `open x: no such file or directory` */
export async function openStepMounts(mounts: readonly StepMount[], context: MountContext): Promise<ReadyMounts> {
  const oci: OciMount[] = [];
  const targets: MountTarget[] = [];
  for (const [index, mount] of mounts.entries()) {
    if (mount.kind === "tmpfs") {
      const size = mount.size === undefined ? [] : [`size=${mount.size}`];
      oci.push({ destination: mount.target, type: "tmpfs", source: "tmpfs", options: ["nosuid", ...size] });
      targets.push({ path: mount.target, kind: "directory" });
      continue;
    }
    const { source, readOnly } = await openSource(mount, index, context);
    const options = ["rbind", ...(readOnly ? ["ro"] : []), "rprivate"];
    oci.push({ destination: mount.target, type: "bind", source, options });
    targets.push({ path: mount.target, kind: statSync(source).isDirectory() ? "directory" : "file" });
  }
  return { oci, targets };
}

interface Source {
  readonly source: string;
  readonly readOnly: boolean;
}

async function openSource(
  mount: Exclude<StepMount, { readonly kind: "tmpfs" }>,
  index: number,
  context: MountContext,
): Promise<Source> {
  switch (mount.kind) {
    case "host":
      return { source: mount.source, readOnly: mount.readOnly };
    case "directory": {
      const { directory, path, readOnly } = mount;
      const root = readOnly ? directory : await throwAway(directory, index, context);
      return { source: placeIn(root, path), readOnly };
    }
    case "content":
      return { source: await writeSecret(`${index}`, mount, context), readOnly: true };
    case "socket":
      return {
        source: await openSocket(join(context.directory, `s${index}`), mount, context.cleanup),
        readOnly: false,
      };
    case "layers": {
      const { diffIds, readOnly } = mount;
      const access = readOnly ? "readOnly" : "volatile";
      const { cleanup } = context;
      const place = makePlace(context.scratch, String(index));
      const { path } = await context.stacks.mount({ diffIds, access, place, cleanup });
      return { source: placeIn(path, mount.path), readOnly };
    }
  }
}

/** Shows a directory of the host; what is written goes elsewhere, and away. */
async function throwAway(lower: string, index: number, { scratch, cleanup }: MountContext): Promise<string> {
  const place = makePlace(scratch, String(index));
  const { target } = place;
  await mountOverlay({ lowers: [lower], ...place });
  cleanup.defer(async () => void (await unmount(target, { lazy: true })));
  return target;
}

/** Writes a file to a filesystem in memory, which the step has of its own. */
async function writeSecret(name: string, file: Content, { directory, cleanup }: MountContext): Promise<string> {
  const target = join(directory, MEMORY);
  if (!existsSync(target)) {
    mkdirSync(target, { mode: 0o700 });
    await mountByName({ type: "tmpfs", source: "tmpfs", target, options: "nosuid,nodev,noexec,mode=700" });
    cleanup.defer(async () => void (await unmount(target, { lazy: true })));
  }
  const path = join(target, name);
  writeFileSync(path, file.bytes, { mode: 0o600 });
  chownSync(path, file.uid, file.gid);
  chmodSync(path, file.mode);
  return path;
}

/** What a path leads to in a root that nobody else changes. @throws {not_found} */
function placeIn(root: string, path: string): string {
  let fd: number;
  try {
    fd = openInRoot(root, path, O_PATH);
  } catch (error) {
    if (!isErrno(error, "ENOENT") && !isErrno(error, "ENOTDIR")) throw error;
    const message = `open ${path}: no such file or directory`;
    throw new EngineError("not_found", ErrorCode.STEP_FAILED, message, { cause: error });
  }
  try {
    return readlinkSync(fdPath(fd));
  } finally {
    closeSync(fd);
  }
}
