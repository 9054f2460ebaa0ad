import type { CommandEntry } from "./commandTable.ts";

/** Commands that look into images; of docker's there are none. */
export const LOOK_COMMANDS: readonly CommandEntry[] = [
  {
    paths: ["image cat"],
    short: "Print files of an image",
    load: async () => (await import("../commands/imageFiles.ts")).catImageFiles,
  },
  {
    paths: ["image cp"],
    short: "Copy files/folders from an image to the local filesystem",
    load: async () => (await import("../commands/imageFiles.ts")).copyImageFiles,
  },
  {
    paths: ["image diff"],
    short: "Show how two images differ",
    load: async () => (await import("../commands/imageDiff.ts")).imageDiff,
  },
  {
    paths: ["image flatten"],
    short: "Make one layer of all layers of an image",
    load: async () => (await import("../commands/reshapeImage.ts")).flattenImage,
  },
  {
    paths: ["image ls-files"],
    short: "List the files of an image",
    load: async () => (await import("../commands/imageFiles.ts")).listImageFiles,
  },
  {
    paths: ["image rebase"],
    short: "Put the upper layers of an image upon another base",
    load: async () => (await import("../commands/reshapeImage.ts")).rebaseImage,
  },
  {
    paths: ["image squash"],
    short: "Make one layer of an image's upper layers",
    load: async () => (await import("../commands/reshapeImage.ts")).squashImage,
  },
  {
    paths: ["image overlay"],
    short: "Show the directories that overlayfs makes a container's or an image's root of",
    load: async () => (await import("../commands/imageStore.ts")).imageOverlay,
  },
  {
    paths: ["image tree"],
    short: "Show which images share which layers",
    load: async () => (await import("../commands/imageStore.ts")).imageTree,
  },
  {
    paths: ["image why"],
    short: "Show which layers and instructions made a path of an image what it is",
    load: async () => (await import("../commands/imageWhy.ts")).imageWhy,
  },
  {
    paths: ["search-files"],
    short: "Search files in all images",
    load: async () => (await import("../commands/imageStore.ts")).searchFiles,
  },
];
