import { closeSync, constants, openSync } from "node:fs";
import { posix } from "node:path";
import { parentPort } from "node:worker_threads";
import type { MessagePort } from "node:worker_threads";
import { encodeError } from "#errors";
import { fromNodeError, openConfined, openRootView } from "#host";
import { fromDisplayPath, toDisplayPath } from "#tar";
import type { ArchiveJob, ExtractJob, FileJob, FileResult, PathStat, TreeJob, ViewSource } from "./fileJobs.ts";
import { goError, withGoWords } from "./goError.ts";
import { JobChannel } from "./jobChannel.ts";
import { layerChanges } from "./layerChanges.ts";
import { fdPath, O_PATH } from "./openFile.ts";
import { absolutePath, baseName, statPath } from "./pathStat.ts";
import { TargetDirectories } from "./targetDirectories.ts";
import { TarInput } from "./tarInput.ts";
import { TarOutput } from "./tarOutput.ts";
import { TreeReader } from "./treeReader.ts";
import { TreeWriter } from "./treeWriter.ts";

/** A job on its way to this thread. */
export interface PostedJob {
  readonly job: FileJob;
  readonly port: MessagePort;
  readonly cells: SharedArrayBuffer;
}

/** Go's FileMode of a directory. */
const DIRECTORY_BIT = 2 ** 31;

function stat({ view, path }: { readonly view: ViewSource; readonly path: string }): PathStat {
  using opened = openRootView(view);
  const { fd, stat: found } = statPath(opened.root, path);
  closeSync(fd);
  return found;
}

function archive({ view, path }: ArchiveJob, channel: JobChannel): void {
  using opened = openRootView(view);
  const { fd, stat: found } = statPath(opened.root, path);
  try {
    channel.tell({ kind: "started", stat: found });
    const output = new TarOutput((bytes) => channel.emit(bytes));
    const writer = new TreeWriter(output, { overlay: false, checkStop: () => channel.checkStop() });
    const absolute = absolutePath(path);
    const name = fromDisplayPath(baseName(absolute));
    if (found.mode >= DIRECTORY_BIT) writer.directory(fd, name === "/" ? "/" : `${name}/`, true);
    else {
      const above = posix.dirname(fromDisplayPath(absolute));
      const parent = openConfined(opened.root, Buffer.from(above, "latin1"), constants.O_DIRECTORY, "root");
      try {
        writer.leaf(parent, name, name);
      } finally {
        closeSync(parent);
      }
    }
    output.end();
  } finally {
    closeSync(fd);
  }
}

function extract(job: ExtractJob, channel: JobChannel): void {
  using opened = openRootView(job.view);
  const path = Buffer.from(fromDisplayPath(posix.join("/", job.path)), "latin1");
  const target = withGoWords("", "", () => openConfined(opened.root, path, O_PATH, "root"));
  try {
    using directories = openTarget(opened.root, target);
    refuseReadOnly(toDisplayPath(directories.where), job);
    new TreeReader(new TarInput(() => channel.next()), directories, job).run();
  } finally {
    closeSync(target);
  }
}

function openTarget(root: number, target: number): TargetDirectories {
  try {
    closeSync(openSync(fdPath(target), O_PATH | constants.O_DIRECTORY));
  } catch (error) {
    throw goError("internal", "extraction point is not a directory", error);
  }
  return new TargetDirectories(root, target);
}

/** The kernel would refuse it, too, but not in these words. */
function refuseReadOnly(where: string, { volumes, view }: ExtractJob): void {
  const [volume] = volumes
    .filter(({ destination }) => where === destination || where.startsWith(`${destination.replace(/\/$/, "")}/`))
    .toSorted((a, b) => b.destination.length - a.destination.length);
  if (volume?.readOnly === true) throw goError("internal", "mounted volume is marked read-only");
  if (volume === undefined && view.readOnly) throw goError("internal", "container rootfs is marked read-only");
}

function tree({ path, overlay }: TreeJob, channel: JobChannel): void {
  const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    const output = new TarOutput((bytes) => channel.emit(bytes));
    new TreeWriter(output, { overlay, checkStop: () => channel.checkStop() }).directory(fd, "", false);
    output.end();
  } finally {
    closeSync(fd);
  }
}

function run(job: FileJob, channel: JobChannel): FileResult {
  switch (job.kind) {
    case "stat":
      return stat(job);
    case "archive":
      archive(job, channel);
      return undefined;
    case "extract":
      extract(job, channel);
      return undefined;
    case "tree":
      tree(job, channel);
      return undefined;
    case "changes":
      return layerChanges(job.upper, job.lowers, () => channel.checkStop());
  }
}

parentPort?.on("message", ({ job, port, cells }: PostedJob) => {
  const channel = new JobChannel(port, new Int32Array(cells));
  try {
    channel.tell({ kind: "done", result: run(job, channel) });
  } catch (error) {
    channel.tell({ kind: "failed", error: encodeError(fromNodeError(error)) });
  }
  port.close();
});
