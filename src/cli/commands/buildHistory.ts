import type { SolveStatus } from "#engineapi";
import { failing, sessionOf } from "../builders/builders.ts";
import { findRecord, HISTORY_PATH, listRecords, removeRecord } from "../builders/buildRecords.ts";
import type { BuildRecord } from "../builders/buildRecords.ts";
import { details, durationOf, shownDuration } from "../builders/recordDetails.ts";
import type { Pair } from "../builders/recordDetails.ts";
import { matchesFilters } from "../builders/recordFilters.ts";
import { defineCommand } from "../core/command.ts";
import type { Command } from "../core/command.ts";
import { CommandError } from "../core/commandError.ts";
import { boolFlag, listFlag, stringFlag } from "../core/flags.ts";
import { terminalOf } from "../core/session.ts";
import { goMarshal } from "../format/goEncoding.ts";
import { listFormat, renderList } from "../format/table.ts";
import { alignColumns } from "../format/tabwriter.ts";
import { humanDuration } from "../format/units.ts";
import { openBuildScreen, PROGRESS_MODES } from "../progress/solveDisplay.ts";
import { parseTemplate } from "../template/template.ts";
import { GoStruct, rowStruct } from "../template/value.ts";
import type { GoValue } from "../template/value.ts";

const BUILDER = stringFlag(undefined, "Override the configured builder instance");
const TABLE = "{{.Ref}}\t{{.Name}}\t{{.Status}}\t{{.CreatedAt}}\t{{.Duration}}\t{{.Link}}";
const TITLES = {
  Ref: "BUILD ID",
  Name: "NAME",
  Status: "STATUS",
  CreatedAt: "CREATED AT",
  Duration: "DURATION",
  Link: "",
};
const NAME_WIDTH = 36;
function statusOf({ completedAt, error }: BuildRecord): "Running" | "Completed" | "Error" {
  if (completedAt === undefined) return "Running";
  return error === undefined ? "Completed" : "Error";
}

const timeOf = (ms: number): string => new Date(ms).toISOString().replace(/\.?0*Z$/, "Z");
const fullRef = ({ builder, node, ref }: BuildRecord): string => `${builder}/${node.Name}/${ref}`;

/** A row: columns for templates; in JSON a record of its own. */
function row(record: BuildRecord, isShort: boolean): GoStruct {
  const { name, completedAt } = record;
  const shortName = name.length > NAME_WIDTH ? `..${name.slice(name.length - NAME_WIDTH + 2)}` : name;
  const columns: Readonly<Record<string, string>> = {
    Ref: record.ref,
    Name: isShort ? shortName : name,
    Status: statusOf(record),
    CreatedAt: `${humanDuration(Date.now() - record.createdAt)} ago`,
    Duration: `${shownDuration(durationOf(record))}${completedAt === undefined ? "+" : ""}`,
    Link: "",
  };
  const json: Readonly<Record<string, GoValue>> = {
    cached_steps: record.cachedSteps,
    completed_at: completedAt === undefined ? undefined : timeOf(completedAt),
    completed_steps: record.completedSteps,
    created_at: timeOf(record.createdAt),
    name,
    ref: fullRef(record),
    status: statusOf(record),
    total_steps: record.totalSteps,
  };
  return new GoStruct(
    "*history.lsContext",
    [
      ...Object.entries(columns).map(([field, value]) => ({
        name: field,
        get: () => value,
        omitEmpty: true,
        inJson: () => undefined,
      })),
      ...Object.entries(json).map(([field, value]) => ({
        name: field,
        get: () => value,
        omitEmpty: value === undefined,
      })),
    ],
    true,
  );
}

/** `varve buildx history ls`. */
export const historyList: Command = defineCommand({
  use: "[OPTIONS]",
  short: "List build records",
  examples: `buildx history ls
buildx history ls --filter status=error --format '{{.Ref}} {{.Name}}'`,
  args: { min: 0, max: 0 },
  flags: {
    builder: BUILDER,
    filter: { ...listFlag(undefined, 'Provide filter values (e.g., "status=error")'), typeName: "stringArray" },
    format: stringFlag(undefined, "Format the output", { shownDefault: '"table"' }),
    "no-trunc": boolFlag(undefined, "Don't truncate output"),
  },
  async run({ session, flags }) {
    await failing(async () => {
      const matches = matchesFilters(flags.filter);
      const records = (await listRecords(session, flags.builder)).filter(matches);
      const running = records.filter(({ completedAt }) => completedAt === undefined);
      const ended = records.filter(({ completedAt }) => completedAt !== undefined);
      const format = listFormat(flags.format, TABLE);
      const isShort = format.isTable && !flags["no-trunc"];
      session.print(
        renderList(
          format,
          TITLES,
          [...running, ...ended].map((record) => row(record, isShort)),
        ),
      );
    });
    return undefined;
  },
});

const COLUMNS = { minWidth: 0, padding: 2 };
const aligned = (lines: readonly string[]): string =>
  alignColumns(lines, COLUMNS)
    .map((line) => `${line}\n`)
    .join("");
const block = (pairs: readonly Pair[]): string => aligned(pairs.map(([name, value]) => `${name}:\t${value}`));

function list(title: string, pairs: readonly Pair[]): string {
  if (pairs.length === 0) return "";
  return `\n${aligned([`${title.toUpperCase()}\tVALUE`, ...pairs.map(([name, value]) => `${name}\t${value}`)])}`;
}

function inspectText(record: BuildRecord): string {
  const { head, run, config, buildArgs, labels, contexts } = details(record);
  const more = config.length === 0 ? "" : `\n${block(config)}`;
  const lists = list("Named Context", contexts) + list("Build Arg", buildArgs) + list("Label", labels);
  return `${block(head)}\n${block(run)}${more}${lists}`;
}

function inspectJson(record: BuildRecord): Readonly<Record<string, unknown>> {
  const { head, buildArgs, labels, contexts, config } = details(record);
  const named = (pairs: readonly Pair[]): readonly unknown[] => pairs.map(([Name, Value]) => ({ Name, Value }));
  const value = (name: string): string | undefined => head.find(([key]) => key === name)?.[1];
  const status = record.error?.category === "cancelled" ? "canceled" : statusOf(record).toLowerCase();
  return {
    Name: record.name,
    Ref: record.ref,
    Context: value("Context"),
    Dockerfile: value("Dockerfile"),
    Target: value("Target"),
    Platform: value("Platforms")?.split(", "),
    NamedContexts: contexts.length === 0 ? undefined : named(contexts),
    StartedAt: timeOf(record.createdAt),
    CompletedAt: record.completedAt === undefined ? undefined : timeOf(record.completedAt),
    Duration: durationOf(record) * 1e6,
    Status: status,
    Error: record.error === undefined ? undefined : { Message: record.error.message },
    NumCompletedSteps: record.completedSteps,
    NumTotalSteps: record.totalSteps,
    NumCachedSteps: record.cachedSteps,
    BuildArgs: buildArgs.length === 0 ? undefined : named(buildArgs),
    Labels: labels.length === 0 ? undefined : named(labels),
    Config: named(config),
    Response: record.response,
  };
}

/** `varve buildx history inspect`. */
export const historyInspect: Command = defineCommand({
  use: "[OPTIONS] [REF]",
  short: "Inspect a build record",
  examples: `buildx history inspect
buildx history inspect --format json ^1`,
  args: { min: 0, max: 1 },
  flags: { builder: BUILDER, format: stringFlag(undefined, "Format the output", { shownDefault: '"pretty"' }) },
  async run({ session, flags, args: [wish = ""] }) {
    await failing(async () => {
      const record = await findRecord(session, flags.builder, wish);
      if (flags.format === "" || flags.format === "pretty") return session.print(inspectText(record));
      const value = inspectJson(record);
      if (flags.format === "json") return session.print(`${goMarshal(value, "  ")}\n`);
      const columns = Object.entries(value).map(([name, field]) => [name, () => field as GoValue] as const);
      const struct = rowStruct("history.inspectOutput", Object.fromEntries(columns));
      session.print(`${parseTemplate(flags.format, "inspect").execute(struct)}\n`);
    });
    return undefined;
  },
});

/** `varve buildx history logs`: what the build showed, to stderr as then. */
export const historyLogs: Command = defineCommand({
  use: "[OPTIONS] [REF]",
  short: "Print the logs of a build record",
  args: { min: 0, max: 1 },
  flags: {
    builder: BUILDER,
    progress: {
      ...stringFlag(undefined, "Set type of progress output (plain, rawjson, tty)", { shownDefault: '"plain"' }),
      initial: "plain",
    },
  },
  async run({ session, flags, args: [wish = ""] }) {
    await failing(async () => {
      const { ref, node } = await findRecord(session, flags.builder, wish);
      const named = PROGRESS_MODES.find((known) => known === flags.progress);
      if (named === undefined) throw new Error(`invalid progress mode ${flags.progress}`);
      const mode = named === "auto" || (named === "tty" && terminalOf(session.stderr) === undefined) ? "plain" : named;
      const own = sessionOf(session, node);
      const screen = openBuildScreen(session.stderr, { mode, description: "", corner: "" });
      try {
        const path = `${HISTORY_PATH}/logs`;
        for await (const status of own.client.lines<SolveStatus>({ path, query: { ref } })) screen.update(status);
      } finally {
        screen.close();
        if (own !== session) await own[Symbol.asyncDispose]();
      }
    });
    return undefined;
  },
});

/** `varve buildx history rm`. */
export const historyRemove: Command = defineCommand({
  use: "[OPTIONS] [REF...]",
  short: "Remove build records",
  args: { min: 0 },
  flags: { all: boolFlag(undefined, "Remove all build records"), builder: BUILDER },
  async run({ session, flags, args }) {
    if (flags.all && args.length > 0) throw new CommandError("ERROR: cannot specify refs when using --all");
    if (!flags.all && args.length === 0) throw new CommandError("ERROR: rm requires at least one argument");
    await failing(async () => {
      const records = flags.all ? await listRecords(session, flags.builder) : [];
      const ended = records.filter(({ completedAt }) => completedAt !== undefined).map(({ ref }) => ref);
      for (const wish of [...args, ...ended]) await removeRecord(session, flags.builder, wish);
    });
    return undefined;
  },
});
