import { readLines } from "#client";
import type { EventMessage } from "#engineapi";
import { messageOf } from "#errors";
import { defineCommand } from "../core/command.ts";
import type { Command } from "../core/command.ts";
import { CommandError } from "../core/commandError.ts";
import { filterFlag, stringFlag } from "../core/flags.ts";
import { fields, shaped } from "../format/shape.ts";
import type { FieldShape, StructShape } from "../format/shape.ts";
import { apiTimestamp } from "../format/timestamp.ts";
import { rfc3339Nano } from "../format/units.ts";
import { parseTemplate } from "../template/template.ts";
import type { Template } from "../template/template.ts";
import { TEMPLATE_PREFIX } from "../template/templateError.ts";
import { parseGoJson } from "../template/value.ts";
import { wireFilters } from "./images.ts";

/** Docker's exit code for a format of events that cannot be read. */
const BAD_FORMAT = 64;

/** `2026-11-21T04:46:17.862412208Z image pull nginx:latest (name=nginx)`. */
function eventLine(event: EventMessage): string {
  const attributes = Object.entries(event.Actor.Attributes)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}=${value}`);
  const time = rfc3339Nano(BigInt(event.timeNano));
  const about = attributes.length === 0 ? "" : ` (${attributes.join(", ")})`;
  return `${time} ${event.Type} ${event.Action} ${event.Actor.ID}${about}`;
}

const ACTOR: StructShape = { typeName: "events.Actor", fields: fields("ID:string", "Attributes:map") };
const renamed = (name: string, json: string, shape: "string" | "int"): FieldShape => ({
  name,
  json,
  shape,
  omit: true,
});

/** Docker's events.Message. */
const MESSAGE: StructShape = {
  typeName: "*events.Message",
  fields: [
    renamed("Status", "status", "string"),
    renamed("ID", "id", "string"),
    renamed("From", "from", "string"),
    ...fields("Type:string", "Action:string"),
    { name: "Actor", shape: ACTOR },
    renamed("Scope", "scope", "string"),
    renamed("Time", "time", "int"),
    renamed("TimeNano", "timeNano", "int"),
  ],
};

function templateOf(wish: string): Template | undefined {
  if (wish === "") return undefined;
  return formatError(() => {
    const template = parseTemplate(wish === "json" ? "{{json .}}" : wish);
    // Docker finds a field that is not there before it asks.
    template.execute(shaped({}, MESSAGE));
    return template;
  });
}

function formatError<T>(body: () => T): T {
  try {
    return body();
  } catch (error) {
    const message = messageOf(error).replace(TEMPLATE_PREFIX, "");
    throw new CommandError(`Error parsing format: ${message}`, BAD_FORMAT);
  }
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
        template === undefined ? eventLine(value as unknown as EventMessage) : template.execute(shaped(value, MESSAGE));
      session.print(`${line}\n`);
    }
    return undefined;
  },
});
