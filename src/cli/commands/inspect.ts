import { EngineError, ErrorCode, isNotFound, messageOf } from "#errors";
import { defineCommand } from "../core/command.ts";
import type { Command } from "../core/command.ts";
import { CommandError } from "../core/commandError.ts";
import { boolFlag, INSPECT_FORMAT_USAGE, stringFlag } from "../core/flags.ts";
import type { Session } from "../core/session.ts";
import { CONTAINER_INSPECT } from "../format/containerShape.ts";
import { IMAGE_INSPECT } from "../format/imageShape.ts";
import { renderInspect } from "../format/inspectOutput.ts";
import { NETWORK_INSPECT } from "../format/networkShape.ts";
import type { Inspected } from "../format/inspectOutput.ts";
import { VOLUME_INSPECT } from "../format/volumeRows.ts";
import { readingTemplate } from "../format/statusTemplate.ts";
import { platformJson } from "../options/platform.ts";
import { containerPath } from "../stream/forEach.ts";
import { volumePath } from "./volumes.ts";

const format = stringFlag("f", INSPECT_FORMAT_USAGE);
const TYPES = ["config", "container", "image", "network", "node", "plugin", "secret", "service", "task", "volume"];

/** Where the daemon answers for what varve's does not have: it says so. */
const OTHER_PATHS: Readonly<Record<string, (name: string) => string>> = {
  config: (name) => `/configs/${encodeURIComponent(name)}`,
  node: (name) => `/nodes/${encodeURIComponent(name)}`,
  plugin: (name) => `/plugins/${encodeURIComponent(name)}/json`,
  secret: (name) => `/secrets/${encodeURIComponent(name)}`,
  service: (name) => `/services/${encodeURIComponent(name)}`,
  task: (name) => `/tasks/${encodeURIComponent(name)}`,
};

type Find = (name: string) => Promise<Inspected>;

/** Asks for every name, prints what was found, then fails with what was not. */
async function inspectAll(session: Session, names: readonly string[], wish: string, find: Find): Promise<undefined> {
  const found: Inspected[] = [];
  const failures: string[] = [];
  for (const name of names) {
    try {
      found.push(await find(name));
    } catch (error) {
      failures.push(messageOf(error));
    }
  }
  const { text, failure } = render(found, wish);
  session.print(text);
  if (failure !== undefined) failures.push(failure);
  if (failures.length > 0) throw new CommandError(failures.join("\n"));
  return undefined;
}

function render(found: readonly Inspected[], wish: string): { readonly text: string; readonly failure?: string } {
  return readingTemplate(() => renderInspect(found, wish));
}

const imageFinder =
  (session: Session, platform?: string): Find =>
  async (name) => ({
    raw: await session.client.text({ path: `/images/${encodeURIComponent(name)}/json`, query: { platform } }),
    shape: IMAGE_INSPECT,
  });

const containerFinder =
  (session: Session, size: boolean): Find =>
  async (name) => ({
    raw: await session.client.text({ path: containerPath(name, "/json"), query: { size } }),
    shape: CONTAINER_INSPECT,
  });

const volumeFinder =
  (session: Session): Find =>
  async (name) => ({ raw: await session.client.text({ path: volumePath(name) }), shape: VOLUME_INSPECT });

const networkFinder =
  (session: Session, verbose: boolean): Find =>
  async (name) => ({
    raw: await session.client.text({ path: `/networks/${encodeURIComponent(name)}`, query: { verbose } }),
    shape: NETWORK_INSPECT,
  });

/** What has that name, asked for in Docker's order. */
function anyFinder(session: Session, size: boolean): Find {
  const finders: readonly (readonly [type: string, find: Find])[] = [
    ["container", containerFinder(session, size)],
    ["image", imageFinder(session)],
    ["network", networkFinder(session, false)],
    ["volume", volumeFinder(session)],
  ];
  return async (name) => {
    for (const [type, find] of finders) {
      try {
        const found = await find(name);
        if (size && type !== "container") session.warn(`WARNING: --size ignored for ${type}`);
        return found;
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
    }
    throw new EngineError("not_found", ErrorCode.IMAGE_NOT_FOUND, `Error: No such object: ${name}`);
  };
}

function finderOf(session: Session, type: string, size: boolean): Find {
  if (type === "") return anyFinder(session, size);
  if (type === "image") return imageFinder(session);
  if (type === "container") return containerFinder(session, size);
  if (type === "volume") return volumeFinder(session);
  if (type === "network") return networkFinder(session, false);
  const path = Object.hasOwn(OTHER_PATHS, type) ? OTHER_PATHS[type] : undefined;
  if (path !== undefined) return async (name) => ({ raw: await session.client.text({ path: path(name) }) });
  const known = TYPES.map((known) => JSON.stringify(known)).join(", ");
  throw new CommandError(`unknown type: ${JSON.stringify(type)}: must be one of ${known}`);
}

/** `varve inspect`. */
export const inspect: Command = defineCommand({
  use: "[OPTIONS] NAME|ID [NAME|ID...]",
  short: "Return low-level information on Docker objects",
  examples: `inspect nginx
inspect -f '{{.GraphDriver.Data.LowerDir}}' nginx
inspect --type container -s web`,
  args: { min: 1 },
  flags: {
    format,
    size: boolFlag("s", "Display total file sizes if the type is container"),
    type: stringFlag(undefined, "Only inspect objects of the given type"),
  },
  async run({ session, flags, given, args }) {
    if (given.has("type") && flags.type === "") {
      throw new CommandError('type is empty: must be one of "config", "container", "image"');
    }
    return inspectAll(session, args, flags.format, finderOf(session, flags.type, flags.size));
  },
});

/** `varve image inspect`. */
export const inspectImages: Command = defineCommand({
  use: "[OPTIONS] IMAGE [IMAGE...]",
  short: "Display detailed information on one or more images",
  examples: `image inspect nginx
image inspect -f '{{json .RootFS.Layers}}' nginx`,
  args: { min: 1 },
  flags: {
    format,
    platform: stringFlag(
      undefined,
      "Inspect a specific platform of the multi-platform image.\nIf the image or the server is not multi-platform capable, the command will error out if the platform does not match.\n'os[/arch[/variant]]': Explicit platform (eg. linux/amd64)",
    ),
  },
  async run({ session, flags, args }) {
    const platform = flags.platform === "" ? undefined : platformJson(flags.platform);
    if (platform !== undefined) await session.client.requireApiVersion("1.49", "--platform");
    return inspectAll(session, args, flags.format, imageFinder(session, platform));
  },
});

/** `varve volume inspect`. */
export const inspectVolumes: Command = defineCommand({
  use: "[OPTIONS] VOLUME [VOLUME...]",
  short: "Display detailed information on one or more volumes",
  examples: "volume inspect -f '{{.Mountpoint}}' data",
  args: { min: 1 },
  flags: { format },
  async run({ session, flags, args }) {
    return inspectAll(session, args, flags.format, volumeFinder(session));
  },
});

/** `varve container inspect`. */
export const inspectContainers: Command = defineCommand({
  use: "[OPTIONS] CONTAINER [CONTAINER...]",
  short: "Display detailed information on one or more containers",
  examples: "container inspect -f '{{.State.ExitCode}}' web",
  args: { min: 1 },
  flags: { format, size: boolFlag("s", "Display total file sizes") },
  async run({ session, flags, args }) {
    return inspectAll(session, args, flags.format, containerFinder(session, flags.size));
  },
});

/** `varve network inspect`. */
export const inspectNetworks: Command = defineCommand({
  use: "[OPTIONS] NETWORK [NETWORK...]",
  short: "Display detailed information on one or more networks",
  examples: "network inspect -f '{{range .IPAM.Config}}{{.Subnet}}{{end}}' backend",
  args: { min: 1 },
  flags: { format, verbose: boolFlag("v", "Verbose output for diagnostics") },
  async run({ session, flags, args }) {
    return inspectAll(session, args, flags.format, networkFinder(session, flags.verbose));
  },
});
