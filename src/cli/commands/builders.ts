import type { VersionInfo } from "#engineapi";
import { defineCommand } from "../core/command.ts";
import type { Command } from "../core/command.ts";
import { CommandError } from "../core/commandError.ts";
import { boolFlag, listFlag, stringFlag } from "../core/flags.ts";
import type { Session } from "../core/session.ts";
import { versionLine } from "../core/versionLine.ts";

/** The engine itself: builders of other kinds have no place here. */
const NAME = "default";
const BUILDER = stringFlag(undefined, "Override the configured builder instance");

interface Node {
  readonly status: string;
  readonly version: string;
  readonly platforms: string;
}

async function node(session: Session): Promise<Node> {
  try {
    const version = await session.client.json<VersionInfo>({ path: "/version" });
    return { status: "running", version: version.Version, platforms: `${version.Os}/${version.Arch}` };
  } catch {
    return { status: "inactive", version: "", platforms: "" };
  }
}

function checkName(name: string): void {
  if (name !== "" && name !== NAME) throw new CommandError(`ERROR: no builder ${JSON.stringify(name)} found`);
}

/** `varve buildx ls`. */
export const builderList: Command = defineCommand({
  use: "",
  short: "List builder instances",
  args: { min: 0, max: 0 },
  flags: {},
  async run({ session }) {
    const { status, version, platforms } = await node(session);
    const rows = [
      ["NAME/NODE", "DRIVER/ENDPOINT", "STATUS", "BUILDKIT", "PLATFORMS"],
      [`${NAME}*`, "docker", "", "", ""],
      [` \\_ ${NAME}`, ` \\_ ${NAME}`, status, version, platforms],
    ];
    const widths = [0, 1, 2, 3].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)) + 3);
    for (const row of rows) session.print(`${row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join("")}\n`);
    return undefined;
  },
});

/** `varve buildx inspect`. */
export const builderInspect: Command = defineCommand({
  use: "[NAME]",
  short: "Inspect current builder instance",
  args: { min: 0, max: 1 },
  flags: { bootstrap: boolFlag(undefined, "Ensure builder has booted before inspecting"), builder: BUILDER },
  async run({ session, flags, args: [name = flags.builder] }) {
    checkName(name);
    const { status, version, platforms } = await node(session);
    const lines = [
      ["Name:", NAME],
      ["Endpoint:", NAME],
      ["Status:", status],
      ["BuildKit version:", version],
      ["Platforms:", platforms],
    ];
    const about = lines.map(([key = "", value = ""]) => `${key.padEnd(18)}${value}\n`).join("");
    session.print(`Name:   ${NAME}\nDriver: docker\n\nNodes:\n${about}`);
    return undefined;
  },
});

/** `varve buildx use`. */
export const builderUse: Command = defineCommand({
  use: "[OPTIONS] NAME",
  short: "Set the current builder instance",
  args: { min: 1, max: 1 },
  flags: {
    builder: BUILDER,
    default: boolFlag(undefined, "Set builder as default for current context"),
    global: boolFlag(undefined, "Builder persists context changes"),
  },
  async run({ args: [name = ""] }) {
    checkName(name);
    return undefined;
  },
});

/** `varve buildx create`: there is one builder, which is told. */
export const builderCreate: Command = defineCommand({
  use: "[OPTIONS] [CONTEXT|ENDPOINT]",
  short: "Create a new builder instance",
  args: { min: 0, max: 1 },
  flags: {
    bootstrap: boolFlag(undefined, "Boot builder after creation"),
    driver: stringFlag(undefined, "Driver to use"),
    "driver-opt": { ...listFlag(undefined, "Options for the driver"), typeName: "stringArray" },
    name: stringFlag(undefined, "Builder instance name"),
    platform: { ...listFlag(undefined, "Fixed platforms for current node"), typeName: "stringArray" },
    use: boolFlag(undefined, "Set the current builder instance"),
  },
  async run() {
    throw new CommandError(
      `ERROR: varve builds in its own daemon, as builder ${JSON.stringify(NAME)}; it starts no other builders`,
    );
  },
});

/** `varve buildx rm`. */
export const builderRemove: Command = defineCommand({
  use: "[OPTIONS] [NAME] [NAME...]",
  short: "Remove one or more builder instances",
  args: { min: 0 },
  flags: {
    "all-inactive": boolFlag(undefined, "Remove all inactive builders"),
    builder: BUILDER,
    force: boolFlag("f", "Do not prompt for confirmation"),
    "keep-daemon": boolFlag(undefined, "Keep the BuildKit daemon running"),
    "keep-state": boolFlag(undefined, "Keep BuildKit state"),
  },
  async run({ session, flags, args }) {
    if (flags["all-inactive"]) return undefined;
    const names = args.length > 0 ? args : [flags.builder || NAME];
    for (const name of names) {
      const why = name === NAME ? "context builder cannot be removed" : `no builder ${JSON.stringify(name)} found`;
      session.warn(`failed to remove ${name}: ${why}`);
    }
    throw new CommandError("ERROR: failed to remove one or more builders");
  },
});

/** `varve buildx stop`. */
export const builderStop: Command = defineCommand({
  use: "[NAME]",
  short: "Stop builder instance",
  args: { min: 0, max: 1 },
  flags: { builder: BUILDER },
  async run({ flags, args: [name = flags.builder] }) {
    // The builder is the engine, which goes on, as with docker's own driver.
    checkName(name);
    return undefined;
  },
});

/** `varve buildx version`. */
export const builderVersion: Command = defineCommand({
  use: "",
  short: "Show buildx version information",
  args: { min: 0, max: 0 },
  flags: {},
  async run({ session }) {
    session.print(`${versionLine()}\n`);
    return undefined;
  },
});
