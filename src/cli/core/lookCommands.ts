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
    paths: ["image ls-files"],
    short: "List the files of an image",
    load: async () => (await import("../commands/imageFiles.ts")).listImageFiles,
  },
];
