import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { readTarStream, writeTarStream } from "#tar";
import { parseStat, statInContainer } from "../copy/containerPath.ts";
import type { ContainerStat } from "../copy/containerPath.ts";
import { CopyProgress } from "../copy/copyProgress.ts";
import { checkOutputPath, localSource, localTarget, resolveLocal } from "../copy/localPath.ts";
import { packLocal } from "../copy/pack.ts";
import { linkedPath, rebaseName, splitArgument, splitEntry } from "../copy/paths.ts";
import { planCopy } from "../copy/plan.ts";
import type { CopyInfo } from "../copy/plan.ts";
import { unpackLocal } from "../copy/unpack.ts";
import { defineCommand } from "../core/command.ts";
import type { Command } from "../core/command.ts";
import { CommandError } from "../core/commandError.ts";
import { boolFlag } from "../core/flags.ts";
import { PROGRAM } from "../core/help.ts";
import { terminalOf } from "../core/session.ts";
import type { Session } from "../core/session.ts";
import { containerPath } from "../stream/forEach.ts";

interface CopyCall {
  readonly session: Session;
  readonly container: string;
  readonly from: string;
  readonly to: string;
  readonly followsLink: boolean;
  readonly keepsOwners: boolean;
  readonly isQuiet: boolean;
}

/** With -L a link is copied as what it leads to, under its own name. */
async function followedSource({ session, container, from, followsLink }: CopyCall): Promise<{
  readonly path: string;
  readonly rebase: string;
}> {
  const stat = followsLink ? await statInContainer(session, container, from) : undefined;
  if (stat?.isLink !== true) return { path: from, rebase: "" };
  return rebaseName(from, linkedPath(from, stat.linkTarget));
}

async function copyOut(call: CopyCall): Promise<undefined> {
  const { session, container } = call;
  const to = call.to === "-" ? "-" : resolveLocal(call.to);
  checkOutputPath(to);
  const { path, rebase } = await followedSource(call);
  const { headers, body } = await session.client.open({
    path: containerPath(container, "/archive"),
    query: { path },
  });
  if (to === "-") {
    await pipeline(Readable.from(body, { objectMode: false }), session.stdout, { end: false });
    return undefined;
  }
  const { isFolder } = parseStat(headers["x-docker-container-path-stat"]);
  const source: CopyInfo = { path, exists: true, isFolder, rebase };
  const progress = call.isQuiet ? undefined : new CopyProgress(session, "Copying from container - ");
  try {
    const plan = planCopy(source, localTarget(to));
    // The archive calls a followed link by the name of what it led to.
    const own = { from: splitEntry(path).name, to: plan.rename?.to ?? rebase };
    await unpackLocal(readTarStream(progress?.count(body) ?? body), rebase === "" ? plan : { ...plan, rename: own });
  } finally {
    body.destroy();
    progress?.finish(to);
  }
  return undefined;
}

/** Where a copy into a container goes: links are followed once. */
async function targetInContainer({ session, container, to }: CopyCall): Promise<CopyInfo> {
  let path = to;
  let stat = await statInContainer(session, container, path);
  if (stat?.isLink === true) {
    path = linkedPath(to, stat.linkTarget);
    stat = await statInContainer(session, container, path);
  }
  refuseSpecial(stat, `${container}:${to}`);
  return { path, exists: stat !== undefined, isFolder: stat?.isFolder === true, rebase: "" };
}

function refuseSpecial(stat: ContainerStat | undefined, name: string): void {
  if (stat?.kind === undefined) return;
  const article = stat.kind === "device" ? "a" : "an";
  throw new CommandError(`destination "${name}" must be a directory or a regular file: got ${article} ${stat.kind}`);
}

async function copyIn(call: CopyCall): Promise<undefined> {
  const { session, container } = call;
  const from = call.from === "-" ? "-" : resolveLocal(call.from);
  const target = await targetInContainer(call);
  const { folder, archive } = from === "-" ? fromStdin(call, target) : fromLocal(from, call.followsLink, target);
  const progress = call.isQuiet ? undefined : new CopyProgress(session, "Copying to container - ");
  try {
    await session.client.text({
      method: "PUT",
      path: containerPath(container, "/archive"),
      query: { path: folder, noOverwriteDirNonDir: "true", copyUIDGID: call.keepsOwners ? "true" : undefined },
      upload: from === "-" ? archive : (progress?.count(archive) ?? archive),
    });
  } finally {
    progress?.finish(`${container}:${target.path}`);
  }
  return undefined;
}

interface Upload {
  readonly folder: string;
  readonly archive: AsyncIterable<Uint8Array>;
}

function fromStdin({ session, container, to }: CopyCall, target: CopyInfo): Upload {
  if (!target.isFolder) throw new CommandError(`destination "${container}:${to}" must be a directory`);
  return { folder: target.path, archive: session.stdin };
}

function fromLocal(from: string, followsLink: boolean, target: CopyInfo): Upload {
  const source = localSource(from, followsLink);
  const plan = planCopy(source, target);
  return { folder: plan.folder, archive: writeTarStream(packLocal(source, plan)) };
}

const LONG = `Copy files/folders between a container and the local filesystem

Use '-' as the source to read a tar archive from stdin
and extract it to a directory destination in a container.
Use '-' as the destination to stream a tar archive of a
container source to stdout.`;

/** `varve cp`. */
export const copy: Command = defineCommand({
  use: `[OPTIONS] CONTAINER:SRC_PATH DEST_PATH|-\n\t${PROGRAM} cp [OPTIONS] SRC_PATH|- CONTAINER:DEST_PATH`,
  short: "Copy files/folders between a container and the local filesystem",
  long: LONG,
  examples: `cp web:/etc/nginx ./nginx
cp -a page.html web:/usr/share/nginx/html/
cp web:/var/log - | tar -t`,
  args: { min: 2, max: 2 },
  flags: {
    archive: boolFlag("a", "Archive mode (copy all uid/gid information)"),
    "follow-link": boolFlag("L", "Always follow symbol link in SRC_PATH"),
    quiet: boolFlag(
      "q",
      "Suppress progress output during copy. Progress output is automatically suppressed if no terminal is attached",
    ),
  },
  async run({ session, flags, given, args: [from = "", to = ""] }) {
    if (from === "") throw new CommandError("source can not be empty");
    if (to === "") throw new CommandError("destination can not be empty");
    const [source, target] = [splitArgument(from), splitArgument(to)];
    if (source.container !== "" && target.container !== "") {
      throw new CommandError("copying between containers is not supported");
    }
    if (source.container === "" && target.container === "") {
      throw new CommandError("must specify at least one container source");
    }
    const call: CopyCall = {
      session,
      container: source.container || target.container,
      from: source.path,
      to: target.path,
      followsLink: flags["follow-link"],
      keepsOwners: flags.archive,
      isQuiet: given.has("quiet") ? flags.quiet : terminalOf(session.stdout) === undefined,
    };
    return source.container === "" ? copyIn(call) : copyOut(call);
  },
});
