import { BUILD_COMMANDS } from "./buildCommands.ts";
import { entry } from "./commandEntry.ts";
import type { CommandEntry } from "./commandEntry.ts";

export type { CommandEntry } from "./commandEntry.ts";
import { LOOK_COMMANDS } from "./lookCommands.ts";

/** A word that only holds commands; two words: a group in a group. */
export interface CommandGroup {
  readonly name: string;
  /** What docker shows behind the name in usage errors. */
  readonly use?: string;
  readonly short: string;
}

export const GROUPS: readonly CommandGroup[] = [
  { name: "builder", short: "Manage builds" },
  { name: "buildx", short: "Extended build capabilities with BuildKit" },
  { name: "buildx history", short: "Commands to work on build records" },
  { name: "buildx imagetools", short: "Commands to work on images in registry" },
  { name: "container", short: "Manage containers" },
  { name: "image", short: "Manage images" },
  { name: "manifest", short: "Manage Docker image manifests and manifest lists" },
  { name: "network", short: "Manage networks" },
  { name: "system", short: "Manage varve" },
  { name: "volume", use: "COMMAND", short: "Manage volumes" },
];

/** The commands that `varve --help` shows first. */
export const COMMON: readonly string[] = [
  "run",
  "exec",
  "ps",
  "build",
  "pull",
  "push",
  "images",
  "login",
  "logout",
  "version",
  "info",
];

/** The group that words begin with, the longest name first. */
export function findGroup(words: readonly string[]): CommandGroup | undefined {
  const named = (count: number): CommandGroup | undefined =>
    GROUPS.find(({ name }) => name === words.slice(0, count).join(" "));
  return (words.length > 1 ? named(2) : undefined) ?? named(1);
}

/** Every command; its module is loaded when it is called, so that start-up pays for one command only. */
export const COMMANDS: readonly CommandEntry[] = [
  ...BUILD_COMMANDS,
  ...LOOK_COMMANDS,
  entry(
    ["image build", "build", "builder build", "buildx build", "buildx b"],
    "Build an image from a Dockerfile",
    async () => (await import("../commands/build.ts")).build,
  ),
  entry(
    ["image history", "history"],
    "Show the history of an image",
    async () => (await import("../commands/history.ts")).history,
  ),
  entry(
    ["image import", "import"],
    "Import the contents from a tarball to create a filesystem image",
    async () => (await import("../commands/importImage.ts")).importImage,
  ),
  entry(
    ["image inspect"],
    "Display detailed information on one or more images",
    async () => (await import("../commands/inspect.ts")).inspectImages,
  ),
  entry(
    ["image load", "load"],
    "Load an image from a tar archive or STDIN",
    async () => (await import("../commands/load.ts")).load,
  ),
  entry(
    ["image ls", "image list", "images"],
    "List images",
    async () => (await import("../commands/images.ts")).images,
  ),
  entry(["image prune"], "Remove unused images", async () => (await import("../commands/prune.ts")).imagePrune),
  entry(
    ["image pull", "pull"],
    "Download an image from a registry",
    async () => (await import("../commands/pull.ts")).pull,
  ),
  entry(
    ["image push", "push"],
    "Upload an image to a registry",
    async () => (await import("../commands/push.ts")).push,
  ),
  entry(
    ["image rm", "image remove", "rmi"],
    "Remove one or more images",
    async () => (await import("../commands/removeImages.ts")).removeImages,
  ),
  entry(
    ["image save", "save"],
    "Save one or more images to a tar archive (streamed to STDOUT by default)",
    async () => (await import("../commands/save.ts")).save,
  ),
  entry(
    ["image tag", "tag"],
    "Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE",
    async () => (await import("../commands/tag.ts")).tag,
  ),
  entry(
    ["container attach", "attach"],
    "Attach local standard input, output, and error streams to a running container",
    async () => (await import("../commands/attach.ts")).attach,
  ),
  entry(
    ["container commit", "commit"],
    "Create a new image from a container's changes",
    async () => (await import("../commands/commit.ts")).commit,
  ),
  entry(
    ["container cp", "cp"],
    "Copy files/folders between a container and the local filesystem",
    async () => (await import("../commands/copy.ts")).copy,
  ),
  entry(
    ["container create", "create"],
    "Create a new container",
    async () => (await import("../commands/create.ts")).create,
  ),
  entry(
    ["container diff", "diff"],
    "Inspect changes to files or directories on a container's filesystem",
    async () => (await import("../commands/diff.ts")).diff,
  ),
  entry(
    ["container exec", "exec"],
    "Execute a command in a running container",
    async () => (await import("../commands/exec.ts")).exec,
  ),
  entry(
    ["container export", "export"],
    "Export a container's filesystem as a tar archive",
    async () => (await import("../commands/exportContainer.ts")).exportContainer,
  ),
  entry(
    ["container inspect"],
    "Display detailed information on one or more containers",
    async () => (await import("../commands/inspect.ts")).inspectContainers,
  ),
  entry(
    ["container kill", "kill"],
    "Kill one or more running containers",
    async () => (await import("../commands/containerActions.ts")).kill,
  ),
  entry(
    ["container logs", "logs"],
    "Fetch the logs of a container",
    async () => (await import("../commands/logs.ts")).logs,
  ),
  entry(
    ["container ls", "container list", "container ps", "ps"],
    "List containers",
    async () => (await import("../commands/ps.ts")).ps,
  ),
  entry(
    ["container pause", "pause"],
    "Pause all processes within one or more containers",
    async () => (await import("../commands/containerActions.ts")).pause,
  ),
  entry(
    ["container port", "port"],
    "List port mappings or a specific mapping for the container",
    async () => (await import("../commands/port.ts")).port,
  ),
  entry(
    ["container prune"],
    "Remove all stopped containers",
    async () => (await import("../commands/prune.ts")).containerPrune,
  ),
  entry(
    ["container rename", "rename"],
    "Rename a container",
    async () => (await import("../commands/containerActions.ts")).rename,
  ),
  entry(
    ["container restart", "restart"],
    "Restart one or more containers",
    async () => (await import("../commands/stopContainers.ts")).restart,
  ),
  entry(
    ["container rm", "container remove", "rm"],
    "Remove one or more containers",
    async () => (await import("../commands/containerActions.ts")).remove,
  ),
  entry(
    ["container run", "run"],
    "Create and run a new container from an image",
    async () => (await import("../commands/run.ts")).run,
  ),
  entry(
    ["container start", "start"],
    "Start one or more stopped containers",
    async () => (await import("../commands/start.ts")).start,
  ),
  entry(
    ["container stats", "stats"],
    "Display a live stream of container(s) resource usage statistics",
    async () => (await import("../commands/stats.ts")).stats,
  ),
  entry(
    ["container stop", "stop"],
    "Stop one or more running containers",
    async () => (await import("../commands/stopContainers.ts")).stop,
  ),
  entry(
    ["container top", "top"],
    "Display the running processes of a container",
    async () => (await import("../commands/top.ts")).top,
  ),
  entry(
    ["container unpause", "unpause"],
    "Unpause all processes within one or more containers",
    async () => (await import("../commands/containerActions.ts")).unpause,
  ),
  entry(
    ["container update", "update"],
    "Update configuration of one or more containers",
    async () => (await import("../commands/update.ts")).update,
  ),
  entry(
    ["container wait", "wait"],
    "Block until one or more containers stop, then print their exit codes",
    async () => (await import("../commands/containerActions.ts")).wait,
  ),
  entry(
    ["network connect"],
    "Connect a container to a network",
    async () => (await import("../commands/networkMembers.ts")).connect,
  ),
  entry(
    ["network create"],
    "Create a network",
    async () => (await import("../commands/networkCreate.ts")).networkCreate,
  ),
  entry(
    ["network disconnect"],
    "Disconnect a container from a network",
    async () => (await import("../commands/networkMembers.ts")).disconnect,
  ),
  entry(
    ["network inspect"],
    "Display detailed information on one or more networks",
    async () => (await import("../commands/inspect.ts")).inspectNetworks,
  ),
  entry(
    ["network ls", "network list"],
    "List networks",
    async () => (await import("../commands/networks.ts")).networks,
  ),
  entry(
    ["network prune"],
    "Remove all unused networks",
    async () => (await import("../commands/prune.ts")).networkPrune,
  ),
  entry(
    ["network rm", "network remove"],
    "Remove one or more networks",
    async () => (await import("../commands/networks.ts")).removeNetworks,
  ),
  entry(["system df"], "Show varve disk usage", async () => (await import("../commands/systemDf.ts")).systemDf),
  entry(
    ["system events", "events"],
    "Get real time events from the server",
    async () => (await import("../commands/events.ts")).events,
  ),
  entry(
    ["system info", "info"],
    "Display system-wide information",
    async () => (await import("../commands/info.ts")).info,
  ),
  entry(["system prune"], "Remove unused data", async () => (await import("../commands/systemPrune.ts")).systemPrune),
  entry(["volume create"], "Create a volume", async () => (await import("../commands/volumes.ts")).volumeCreate),
  entry(
    ["volume inspect"],
    "Display detailed information on one or more volumes",
    async () => (await import("../commands/inspect.ts")).inspectVolumes,
  ),
  entry(["volume ls", "volume list"], "List volumes", async () => (await import("../commands/volumes.ts")).volumeList),
  entry(
    ["volume prune"],
    "Remove unused local volumes",
    async () => (await import("../commands/volumes.ts")).volumePrune,
  ),
  entry(
    ["volume rm", "volume remove"],
    "Remove one or more volumes",
    async () => (await import("../commands/volumes.ts")).volumeRemove,
  ),
  entry(
    ["completion"],
    "Generate the autocompletion script for the specified shell",
    async () => (await import("../commands/completion.ts")).completion,
  ),
  entry(
    ["dive"],
    "Explore an image: its layers, their files, what is wasted",
    async () => (await import("../commands/dive.ts")).dive,
  ),
  entry(
    ["dive build"],
    "Build an image from a Dockerfile, then explore it",
    async () => (await import("../commands/diveBuild.ts")).diveBuild,
  ),
  entry(["daemon"], "Run the varve daemon", async () => (await import("../commands/daemon.ts")).daemon),
  entry(
    ["inspect"],
    "Return low-level information on Docker objects",
    async () => (await import("../commands/inspect.ts")).inspect,
  ),
  entry(["login"], "Authenticate to a registry", async () => (await import("../commands/login.ts")).login),
  entry(["logout"], "Log out from a registry", async () => (await import("../commands/logout.ts")).logout),
  entry(
    ["version"],
    "Show the varve version information",
    async () => (await import("../commands/version.ts")).version,
  ),
];

/** The command that the words begin with, and how many of them name it. */
export function findCommand(
  words: readonly string[],
): { readonly entry: CommandEntry; readonly path: string } | undefined {
  for (const count of [3, 2, 1]) {
    const path = words.slice(0, count).join(" ");
    const found = words.length >= count ? COMMANDS.find((entry) => entry.paths.includes(path)) : undefined;
    // Another spelling below the same word is shown by its full name, as Docker does: `image list` is `image ls`.
    if (found !== undefined) return { entry: found, path: count > 1 ? (found.paths[0] ?? path) : path };
  }
  return undefined;
}
