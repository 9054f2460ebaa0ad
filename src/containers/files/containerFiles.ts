import { EngineError, ErrorCode, isNotFound, messageOf } from "#errors";
import { freezeCgroup } from "#host";
import type { ViewMount } from "#host";
import { openArchiveInput } from "#images";
import { familiarReference } from "#oci";
import type { Digest } from "#oci";
import type { BorrowedTop } from "#snapshots";
import type { Container } from "../container.ts";
import { wrongState } from "../containerError.ts";
import type { ContainerRoom } from "../room.ts";
import { readAccountFiles } from "../rootfs/rootfsFiles.ts";
import { lookupUser } from "../rootfs/userLookup.ts";
import { cgroupOf } from "../spec/runtimeSpec.ts";
import type { FileJob, PathChange, PathStat, ViewSource } from "./fileJobs.ts";
import type { FileRun } from "./fileRun.ts";
import type { CommitRequest, ContainerFiles, ExtractOptions } from "./filesService.ts";
import { viewMounts, volumeMounts } from "./viewMounts.ts";

interface Stoppable {
  readonly signal?: AbortSignal;
}

/** What a job on a container's files sees. */
interface Seen {
  readonly top: BorrowedTop;
  readonly volumes: readonly ViewMount[];
  readonly view: ViewSource;
}

/** The service: borrows the container's root, lets a thread work on it. */
export class RoomFiles implements ContainerFiles {
  readonly #room: ContainerRoom;

  constructor(room: ContainerRoom) {
    this.#room = room;
  }

  async stat(reference: string, path: string): Promise<PathStat> {
    const container = this.#room.index.get(reference);
    try {
      const run = await this.#startInView(container, ({ view }) => ({ kind: "stat", view, path }));
      const stat = await run.result;
      if (stat === undefined || !("name" in stat)) throw new Error("a stat job answers with a stat");
      return stat;
    } catch (error) {
      throw fileNotFound(error, path, reference);
    }
  }

  async archive(
    reference: string,
    path: string,
    options: Stoppable,
  ): Promise<{ readonly stat: PathStat; readonly body: AsyncIterable<Uint8Array> }> {
    const container = this.#room.index.get(reference);
    try {
      const job = ({ view }: Seen): FileJob => ({ kind: "archive", view, path });
      const run = await this.#startInView(container, job, options);
      const stat = await run.started;
      container.emit("archive-path");
      return { stat, body: run };
    } catch (error) {
      throw fileNotFound(error, path, reference);
    }
  }

  async extract(
    reference: string,
    path: string,
    content: AsyncIterable<Uint8Array>,
    options: ExtractOptions,
  ): Promise<void> {
    const container = this.#room.index.get(reference);
    try {
      const job = ({ top, view, volumes }: Seen): FileJob => ({
        kind: "extract",
        view,
        path,
        volumes,
        noOverwriteDirNonDir: options.noOverwriteDirNonDir,
        owner: options.copyUidGid ? ownerOf(container, top) : undefined,
      });
      const run = await this.#startInView(container, job, options);
      // Whichever fails first tells why: what could not be unpacked stops the feeding, too.
      const fed = run.feed(openArchiveInput(content, options.signal)).catch((error: unknown) => {
        run.stop();
        throw error;
      });
      await Promise.race([run.result, fed.then(() => run.result)]);
      container.emit("extract-to-dir");
    } catch (error) {
      throw fileNotFound(error, path, reference);
    }
  }

  async changes(reference: string): Promise<readonly PathChange[]> {
    const container = this.#room.index.get(reference);
    const run = await this.#start(container, ({ upper, lowers }) => ({ kind: "changes", upper, lowers }));
    const changes = await run.result;
    if (changes === undefined || "name" in changes) throw new Error("a changes job answers with changes");
    return changes;
  }

  async export(reference: string, options: Stoppable): Promise<AsyncIterable<Uint8Array>> {
    const container = this.#room.index.get(reference);
    if (container.removal !== undefined)
      throw wrongState(`You cannot export container ${container.id} which is being removed`);
    const run = await this.#start(container, ({ path }) => ({ kind: "tree", path, overlay: false }), options);
    container.emit("export");
    return run;
  }

  async commit(reference: string, request: CommitRequest): Promise<Digest> {
    const container = this.#room.index.get(reference);
    const { images } = this.#room.options;
    if (container.removal !== undefined)
      throw wrongState(`You cannot commit container ${container.id} which is being removed`);
    const { config, imageId } = container.document;
    const merged = images.configFor(config, request.config, request.changes);
    const frozen = request.pause && (await pause(container));
    try {
      const job = ({ upper }: BorrowedTop): FileJob => ({ kind: "tree", path: upper, overlay: true });
      const run = await this.#start(container, job, request);
      const committed = await images.commit({
        parent: imageId,
        containerId: container.id,
        containerConfig: config,
        config: merged,
        command: (config.Cmd ?? []).join(" "),
        author: request.author,
        comment: request.comment,
        reference: request.reference,
        changes: run,
        signal: request.signal,
      });
      const imageRef = request.reference === undefined ? "" : familiarReference(request.reference);
      container.emit("commit", { comment: request.comment, imageID: committed, imageRef });
      return committed;
    } finally {
      if (frozen) await resume(container);
    }
  }

  async close(): Promise<void> {
    await this.#room.fileWorkers[Symbol.asyncDispose]();
  }

  /** As {@link #start}, on the root with the container's volumes in it. */
  async #startInView(
    container: Container,
    jobOn: (seen: Seen) => FileJob,
    stoppable: Stoppable = {},
  ): Promise<FileRun> {
    const looked = container.isRunning ? undefined : await this.#room.mounts.look(container.document);
    const release = async (): Promise<void> => looked?.[Symbol.asyncDispose]();
    try {
      const volumes = volumeMounts(container, looked?.places ?? new Map());
      const mounts = viewMounts(container, volumes);
      const readOnly = container.document.hostConfig.ReadonlyRootfs;
      const run = await this.#start(
        container,
        (top) => jobOn({ top, volumes, view: { path: top.path, readOnly, mounts } }),
        stoppable,
      );
      void run.result.then(release, release).catch((error: unknown) => this.#report(container, error));
      return run;
    } catch (error) {
      await release();
      throw error;
    }
  }

  #report({ id }: Container, error: unknown): void {
    this.#room.options.log("error", `container ${id}: ${messageOf(error)}`);
  }

  /** The root is the job's until it ends, however that comes. */
  async #start(
    container: Container,
    jobOn: (top: BorrowedTop) => FileJob,
    { signal }: Stoppable = {},
  ): Promise<FileRun> {
    const { snapshots } = this.#room.options;
    const top = await snapshots.borrow(container.id);
    const giveBack = async (): Promise<void> => {
      try {
        await top[Symbol.asyncDispose]();
      } catch (error) {
        this.#report(container, error);
      }
    };
    try {
      const run = await this.#room.fileWorkers.run(jobOn(top), signal);
      void run.result.then(giveBack, giveBack);
      return run;
    } catch (error) {
      await giveBack();
      throw error;
    }
  }
}

function ownerOf({ document }: Container, { path }: BorrowedTop): { uid: number; gid: number } | undefined {
  const { User } = document.config;
  return User === "" ? undefined : lookupUser(User, readAccountFiles(path), []);
}

/** What the kernel says of a path that is not there, in dockerd's words. */
function fileNotFound(error: unknown, path: string, reference: string): unknown {
  if (!isNotFound(error)) return error;
  const message = `Could not find the file ${path} in container ${reference}`;
  return new EngineError("not_found", ErrorCode.CONTAINER_FILE, message, { cause: error });
}

/** True when it was running and stands still now. */
async function pause(container: Container): Promise<boolean> {
  if (!container.isRunning || container.isPaused) return false;
  await freezeCgroup(cgroupOf(container.document), true);
  container.emit("pause");
  return true;
}

async function resume(container: Container): Promise<void> {
  if (!container.isRunning) return;
  await freezeCgroup(cgroupOf(container.document), false);
  container.emit("unpause");
}
