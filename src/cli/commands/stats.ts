import { setTimeout as sleep } from "node:timers/promises";
import { readLines } from "#client";
import type { EventMessage } from "#engineapi";
import { messageOf } from "#errors";
import { defineCommand } from "../core/command.ts";
import type { Command } from "../core/command.ts";
import { CommandError } from "../core/commandError.ts";
import { boolFlag, FORMAT_USAGE, stringFlag } from "../core/flags.ts";
import type { Session } from "../core/session.ts";
import { STATS_TITLES, statsRow } from "../format/statsRows.ts";
import { listFormat, renderList } from "../format/table.ts";
import { shortId } from "../format/units.ts";
import { StatsCollector } from "../stream/statsCollector.ts";
import { wireFilters } from "./images.ts";

const TABLE = "{{.ID}}\t{{.Name}}\t{{.CPUPerc}}\t{{.MemUsage}}\t{{.MemPerc}}\t{{.NetIO}}\t{{.BlockIO}}\t{{.PIDs}}";
const REFRESH_MS = 500;
const TO_TOP = "\u001B[H";
const CLEAR_LINE = "\u001B[K";
const CLEAR_BELOW = "\u001B[J";

interface Follower extends Disposable {
  /** Set when the daemon has ended the events. */
  readonly isOver: boolean;
}

/** Containers come and go; asked before the list, so that none is missed between the two. */
async function followEvents(session: Session, collector: StatsCollector, all: boolean): Promise<Follower> {
  const { body } = await session.client.open({
    path: "/events",
    query: { filters: wireFilters({ type: ["container"] }) },
  });
  const state = { isOver: false, [Symbol.dispose]: () => void body.destroy() };
  const read = async (): Promise<void> => {
    for await (const line of readLines(body)) {
      const { Action, Actor } = JSON.parse(line) as EventMessage;
      if (Action === "start" || (all && Action === "create")) collector.add(shortId(Actor.ID));
      if (!all && Action === "die") collector.remove(shortId(Actor.ID));
    }
  };
  // A daemon that restarts ends the list quietly.
  void read()
    .catch(() => undefined)
    .finally(() => {
      state.isOver = true;
    });
  return state;
}

async function addAll(session: Session, collector: StatsCollector, all: boolean): Promise<void> {
  const list = await session.client.json<readonly { readonly Id: string }[]>({
    path: "/containers/json",
    query: { all },
  });
  for (const { Id } of list) collector.add(shortId(Id));
}

/** Written over what stood there before, in one go: no flicker. */
function screen(text: string): string {
  const shown = TO_TOP + text;
  return `${shown}${shown
    .split("\n")
    .map((line) => `${line} ${CLEAR_LINE}\n`)
    .join("")}${CLEAR_BELOW}`;
}

/** `varve stats`. */
export const stats: Command = defineCommand({
  use: "[OPTIONS] [CONTAINER...]",
  short: "Display a live stream of container(s) resource usage statistics",
  examples: `stats
stats --no-stream --format '{{.Name}}: {{.CPUPerc}}'`,
  args: { min: 0 },
  flags: {
    all: boolFlag("a", "Show all containers (default shows just running)"),
    format: stringFlag(undefined, FORMAT_USAGE),
    "no-stream": boolFlag(undefined, "Disable streaming stats and only pull the first result"),
    "no-trunc": boolFlag(undefined, "Do not truncate output"),
  },
  async run({ session, flags, args }) {
    using collector = new StatsCollector(session, !flags["no-stream"]);
    using follower = args.length === 0 ? await followEvents(session, collector, flags.all) : undefined;
    if (args.length === 0) await addAll(session, collector, flags.all);
    else for (const name of args) collector.add(name);
    await collector.settled();
    if (args.length > 0 && collector.errors.length > 0) {
      throw new CommandError(collector.errors.map(messageOf).join("\n"));
    }
    const format = listFormat(flags.format || (session.config.formats["statsFormat"] ?? ""), TABLE);
    for (;;) {
      await sleep(REFRESH_MS);
      const rows = collector.entries.map((entry) => statsRow(entry, flags["no-trunc"]));
      const text = renderList(format, STATS_TITLES, rows);
      session.print(flags["no-stream"] ? text : screen(text));
      if (flags["no-stream"] || follower?.isOver === true) return undefined;
    }
  },
});
