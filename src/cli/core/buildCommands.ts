import { entry } from "./commandEntry.ts";
import type { CommandEntry } from "./commandEntry.ts";

/** Builders, the build cache, records of builds, images put together in registries. */
export const BUILD_COMMANDS: readonly CommandEntry[] = [
  entry(
    ["builder prune", "buildx prune"],
    "Remove build cache",
    async () => (await import("../commands/buildCache.ts")).cachePrune,
  ),
  entry(["buildx du"], "Disk usage", async () => (await import("../commands/buildCache.ts")).cacheUsage),
  entry(
    ["buildx create"],
    "Create a new builder instance",
    async () => (await import("../commands/builderCreate.ts")).builderCreate,
  ),
  entry(
    ["buildx inspect"],
    "Inspect current builder instance",
    async () => (await import("../commands/builders.ts")).builderInspect,
  ),
  entry(
    ["buildx history inspect"],
    "Inspect a build record",
    async () => (await import("../commands/buildHistory.ts")).historyInspect,
  ),
  entry(
    ["buildx history logs"],
    "Print the logs of a build record",
    async () => (await import("../commands/buildHistory.ts")).historyLogs,
  ),
  entry(
    ["buildx history ls"],
    "List build records",
    async () => (await import("../commands/buildHistory.ts")).historyList,
  ),
  entry(
    ["buildx history rm"],
    "Remove build records",
    async () => (await import("../commands/buildHistory.ts")).historyRemove,
  ),
  entry(
    ["buildx imagetools create"],
    "Create a new image based on source images",
    async () => (await import("../commands/imagetools.ts")).imagetoolsCreate,
  ),
  entry(
    ["buildx imagetools inspect"],
    "Show details of an image in the registry",
    async () => (await import("../commands/imagetools.ts")).imagetoolsInspect,
  ),
  entry(["buildx ls"], "List builder instances", async () => (await import("../commands/builders.ts")).builderList),
  entry(
    ["buildx rm"],
    "Remove one or more builder instances",
    async () => (await import("../commands/builders.ts")).builderRemove,
  ),
  entry(["buildx stop"], "Stop builder instance", async () => (await import("../commands/builders.ts")).builderStop),
  entry(
    ["buildx use"],
    "Set the current builder instance",
    async () => (await import("../commands/builders.ts")).builderUse,
  ),
  entry(
    ["buildx version"],
    "Show buildx version information",
    async () => (await import("../commands/builders.ts")).builderVersion,
  ),
  entry(
    ["manifest annotate"],
    "Add additional information to a local image manifest",
    async () => (await import("../commands/manifestLists.ts")).manifestAnnotate,
  ),
  entry(
    ["manifest create"],
    "Create a local manifest list for annotating and pushing to a registry",
    async () => (await import("../commands/manifestLists.ts")).manifestCreate,
  ),
  entry(
    ["manifest push"],
    "Push a manifest list to a repository",
    async () => (await import("../commands/manifestLists.ts")).manifestPush,
  ),
  entry(
    ["manifest rm"],
    "Delete one or more manifest lists from local storage",
    async () => (await import("../commands/manifestLists.ts")).manifestRemove,
  ),
  entry(
    ["manifest inspect"],
    "Display an image manifest, or manifest list",
    async () => (await import("../commands/manifestInspect.ts")).manifestInspect,
  ),
];
