import { readLines } from "#client";
import type { EventMessage } from "#engineapi";
import { defineCommand } from "../core/command.ts";
import type { Command } from "../core/command.ts";
import { filterFlag, stringFlag } from "../core/flags.ts";
import { apiTimestamp } from "../format/timestamp.ts";
import { rfc3339Nano } from "../format/units.ts";
import { parseTemplate } from "../template/template.ts";
import type { Template } from "../template/template.ts";
import { GoStruct, parseGoJson } from "../template/value.ts";
import type { GoValue } from "../template/value.ts";
import { wireFilters } from "./images.ts";

/** `2026-11-21T04:46:17.862412208Z image pull nginx:latest (name=nginx)`. */
function eventLine(event: EventMessage): string {
  const attributes = Object.entries(event.Actor.Attributes)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}=${value}`);
  const time = rfc3339Nano(BigInt(event.timeNano));
  const about = attributes.length === 0 ? "" : ` (${attributes.join(", ")})`;
  return `${time} ${event.Type} ${event.Action} ${event.Actor.ID}${about}`;
}

const RENAMED: Readonly<Record<string, string>> = {
  status: "Status",
  id: "ID",
  from: "From",
  scope: "Scope",
  time: "Time",
  timeNano: "TimeNano",
};

function eventStruct(value: GoValue): GoStruct {
  const source = Object(value) as Readonly<Record<string, GoValue>>;
  const fields = Object.entries(source).map(([key, inner]) => ({
    name: RENAMED[key] ?? key,
    json: key,
    get: () => (key === "Actor" ? actorStruct(inner) : inner),
  }));
  return new GoStruct("events.Message", fields);
}

function actorStruct(value: GoValue): GoStruct {
  const source = Object(value) as Readonly<Record<string, GoValue>>;
  return new GoStruct(
    "events.Actor",
    Object.entries(source).map(([name, inner]) => ({ name, get: () => inner })),
  );
}

function templateOf(wish: string): Template | undefined {
  if (wish === "") return undefined;
  return parseTemplate(wish === "json" ? "{{json .}}" : wish);
}

/** `varve events`. */
export const events: Command = defineCommand({
  use: "[OPTIONS]",
  short: "Get real time events from the server",
  examples: `events --since 10m --until 0s
events --filter type=image --format '{{.Action}} {{.Actor.ID}}'`,
  args: { min: 0, max: 0 },
  flags: {
    filter: filterFlag("f", "Filter output based on conditions provided"),
    format: stringFlag(
      undefined,
      "Format output using a custom template:\n'json':             Print in JSON format\n'TEMPLATE':         Print output using the given Go template.\nRefer to https://docs.docker.com/go/formatting/ for more information about formatting output with templates",
    ),
    since: stringFlag(undefined, "Show all events created since timestamp"),
    until: stringFlag(undefined, "Stream events until this timestamp"),
  },
  async run({ session, flags }) {
    const template = templateOf(flags.format);
    const { body } = await session.client.open({
      path: "/events",
      query: {
        since: flags.since === "" ? undefined : apiTimestamp(flags.since),
        until: flags.until === "" ? undefined : apiTimestamp(flags.until),
        filters: Object.keys(flags.filter).length === 0 ? undefined : wireFilters(flags.filter),
      },
    });
    for await (const text of readLines(body)) {
      // timeNano is beyond a double's whole numbers.
      const value = parseGoJson(text);
      const line =
        template === undefined ? eventLine(value as unknown as EventMessage) : template.execute(eventStruct(value));
      session.print(`${line}\n`);
    }
    return undefined;
  },
});
