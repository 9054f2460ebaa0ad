import type { VolumeList, VolumeResource, VolumesPruneReport } from "#engineapi";
import { EngineError, ErrorCode, messageOf } from "#errors";
import { defineCommand } from "../core/command.ts";
import type { Command } from "../core/command.ts";
import { CommandError } from "../core/commandError.ts";
import { boolFlag, filterFlag, FORMAT_USAGE, listFlag, stringFlag } from "../core/flags.ts";
import type { Flag } from "../core/flags.ts";
import type { Session } from "../core/session.ts";
import { listFormat, renderList } from "../format/table.ts";
import { humanSize } from "../format/units.ts";
import { VOLUME_TITLES, volumeRow } from "../format/volumeRows.ts";
import { confirm } from "../stream/prompt.ts";
import { wireFilters } from "./images.ts";

const TABLE = "{{.Driver}}\t{{.Name}}";

/** Path of one volume. @throws {not_found} for an empty name, as Docker's client does */
export function volumePath(name: string): string {
  if (name.trim() === "") {
    throw new EngineError("not_found", ErrorCode.VOLUME_NOT_FOUND, "invalid volume name or ID: value is empty");
  }
  return `/volumes/${encodeURIComponent(name)}`;
}

/** `key=value` or `key`, as Docker's map flags take them. */
function mapFlag(short: string | undefined, usage: string): Flag<Readonly<Record<string, string>>> {
  const initial: Readonly<Record<string, string>> = {};
  return {
    ...(short === undefined ? {} : { short }),
    usage,
    typeName: "map",
    initial,
    shownDefault: "map[]",
    parse: (text, current) => {
      const [key = "", value = ""] = text.split(/=(.*)/s, 2);
      return { ...current, [key]: value };
    },
  };
}

function checkLabel(text: string): string {
  if (text === "" || text.startsWith("=")) throw new Error(`invalid label '${text}': empty name`);
  return text;
}

/** Docker hides these, too, unless the daemon is in a swarm. */
const CLUSTER = { hidden: true } as const;

/** Flags that only make sense in a swarm: giving one asks for a cluster volume. */
const CLUSTER_FLAGS = {
  availability: stringFlag(undefined, "Cluster Volume availability", CLUSTER),
  group: stringFlag(undefined, "Cluster Volume group (cluster volumes)", CLUSTER),
  "limit-bytes": stringFlag(undefined, "Minimum size of the Cluster Volume in bytes", CLUSTER),
  "required-bytes": stringFlag(undefined, "Maximum size of the Cluster Volume in bytes", CLUSTER),
  scope: stringFlag(undefined, "Cluster Volume access scope", CLUSTER),
  secret: stringFlag(undefined, "Cluster Volume secrets", CLUSTER),
  sharing: stringFlag(undefined, "Cluster Volume access sharing", CLUSTER),
  "topology-preferred": stringFlag(undefined, "A topology that the Cluster Volume would be preferred in", CLUSTER),
  "topology-required": stringFlag(undefined, "A topology that the Cluster Volume must be accessible from", CLUSTER),
  type: stringFlag(undefined, "Cluster Volume access type", CLUSTER),
} as const;

function labelMap(labels: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    labels.map((label) => {
      const [key = "", value = ""] = label.split(/=(.*)/s, 2);
      return [key, value];
    }),
  );
}

/** `varve volume create`. */
export const volumeCreate: Command = defineCommand({
  use: "[OPTIONS] [VOLUME]",
  short: "Create a volume",
  examples: `volume create data
volume create --opt type=tmpfs --opt device=tmpfs --opt o=size=100m scratch`,
  args: { min: 0, max: 1 },
  flags: {
    ...CLUSTER_FLAGS,
    driver: { ...stringFlag("d", "Specify volume driver name", { shownDefault: "local" }), initial: "local" },
    label: listFlag(undefined, "Set metadata for a volume", checkLabel),
    name: stringFlag(undefined, "Specify volume name", { hidden: true }),
    opt: mapFlag("o", "Set driver specific options"),
  },
  async run({ session, flags, given, args: [name] }) {
    if (name !== undefined && flags.name !== "") {
      throw new CommandError(
        "conflicting options: cannot specify a volume-name through both --name and as a positional arg",
      );
    }
    const cluster = Object.keys(CLUSTER_FLAGS).some((flag) => given.has(flag));
    const made = await session.client.json<VolumeResource>({
      method: "POST",
      path: "/volumes/create",
      json: {
        Name: name ?? flags.name,
        Driver: flags.driver,
        ...(given.has("opt") ? { DriverOpts: flags.opt } : {}),
        ...(given.has("label") ? { Labels: labelMap(flags.label) } : {}),
        ...(cluster ? { ClusterVolumeSpec: { Group: flags.group } } : {}),
      },
    });
    session.print(`${made.Name}\n`);
    return undefined;
  },
});

/** Docker's own order: `vol2` before `vol10`. */
function naturally(a: VolumeResource, b: VolumeResource): number {
  return a.Name.localeCompare(b.Name, "en", { numeric: true });
}

/** `varve volume ls`. */
export const volumeList: Command = defineCommand({
  use: "[OPTIONS]",
  short: "List volumes",
  examples: `volume ls
volume ls -q --filter dangling=true`,
  args: { min: 0, max: 0 },
  flags: {
    cluster: {
      ...boolFlag(undefined, "Display only cluster volumes, and use cluster volume list formatting"),
      hidden: true,
    },
    filter: filterFlag("f", 'Provide filter values (e.g. "dangling=true")'),
    format: stringFlag(undefined, FORMAT_USAGE),
    quiet: boolFlag("q", "Only display volume names"),
  },
  async run({ session, flags }) {
    const wish = flags.format === "" && !flags.quiet ? (session.config.formats["volumesFormat"] ?? "") : flags.format;
    const format = flags.quiet && wish === "" ? { template: "{{.Name}}", isTable: false } : listFormat(wish, TABLE);
    const { Volumes } = await session.client.json<VolumeList>({
      path: "/volumes",
      query: { filters: Object.keys(flags.filter).length === 0 ? undefined : wireFilters(flags.filter) },
    });
    // There are no cluster volumes without a swarm.
    const shown = flags.cluster ? [] : Volumes.toSorted(naturally);
    session.print(renderList(format, VOLUME_TITLES, shown.map(volumeRow)));
    return undefined;
  },
});

/** `varve volume rm`. */
export const volumeRemove: Command = defineCommand({
  use: "[OPTIONS] VOLUME [VOLUME...]",
  short: "Remove one or more volumes",
  long: "Remove one or more volumes. You cannot remove a volume that is in use by a container.",
  examples: "volume rm data",
  args: { min: 1 },
  flags: { force: boolFlag("f", "Force the removal of one or more volumes") },
  async run({ session, flags, args }) {
    const failures: string[] = [];
    for (const name of args) {
      try {
        await session.client.text({ method: "DELETE", path: volumePath(name), query: { force: flags.force } });
        session.print(`${name}\n`);
      } catch (error) {
        failures.push(messageOf(error));
      }
    }
    if (failures.length > 0) throw new CommandError(failures.join("\n"));
    return undefined;
  },
});

/** Removes unused volumes; the lines that `prune` prints, and the bytes. */
export async function pruneVolumes(
  session: Session,
  filter: Readonly<Record<string, readonly string[]>>,
): Promise<{ readonly text: string; readonly bytes: number }> {
  const report = await session.client.json<VolumesPruneReport>({
    method: "POST",
    path: "/volumes/prune",
    query: { filters: Object.keys(filter).length === 0 ? undefined : wireFilters(filter) },
  });
  const deleted = report.VolumesDeleted ?? [];
  return {
    text: deleted.length === 0 ? "" : `Deleted Volumes:\n${deleted.join("\n")}\n`,
    bytes: report.SpaceReclaimed,
  };
}

/** `varve volume prune`. */
export const volumePrune: Command = defineCommand({
  use: "[OPTIONS]",
  short: "Remove unused local volumes",
  examples: "volume prune -af",
  args: { min: 0, max: 0 },
  flags: {
    all: boolFlag("a", "Remove all unused volumes, not just anonymous ones"),
    filter: filterFlag(undefined, 'Provide filter values (e.g. "label=<label>")'),
    force: boolFlag("f", "Do not prompt for confirmation"),
  },
  async run({ session, flags }) {
    if (flags.all && flags.filter["all"] !== undefined) {
      throw new CommandError(`conflicting options: cannot specify both --all and --filter all=1`);
    }
    const which = flags.all ? "all" : "anonymous";
    const warning = `WARNING! This will remove ${which} local volumes not used by at least one container.\nAre you sure you want to continue?`;
    if (!flags.force && !(await confirm(session, warning))) return undefined;
    const { text, bytes } = await pruneVolumes(session, flags.all ? { ...flags.filter, all: ["true"] } : flags.filter);
    if (text !== "") session.print(`${text}\n`);
    session.print(`Total reclaimed space: ${humanSize(bytes)}\n`);
    return undefined;
  },
});
