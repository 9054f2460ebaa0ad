import { EngineError, ErrorCode } from "#errors";
import type { ContainerDocument } from "../document.ts";
import { journalFieldName } from "./forward/journalEntry.ts";

const SHORT_ID = 12;

/** Fields of Go's `{{.Name}}` in the option `tag`. */
function tagFields({ id, name, imageId, config }: ContainerDocument): Readonly<Record<string, string>> {
  return {
    ID: id.slice(0, SHORT_ID),
    FullID: id,
    Name: name,
    ImageID: imageId.replace(/^sha256:/, "").slice(0, SHORT_ID),
    ImageFullID: imageId,
    ImageName: config.Image,
    DaemonName: "docker",
  };
}

/** @throws {internal} in the words of Go's templates */
export function expandTag(template: string, document: ContainerDocument): string {
  const fields = tagFields(document);
  const fail = (why: string): EngineError =>
    new EngineError(
      "internal",
      ErrorCode.BAD_REQUEST,
      `failed to create task for container: failed to initialize logging driver: template: log-tag:1${why}`,
    );
  if (/\{\{(?![^]*\}\})/.test(template)) throw fail(": unclosed action");
  return template.replaceAll(/\{\{\s*\.(\w+)\s*\}\}/g, (_whole, field: string) => {
    const value = fields[field];
    if (value !== undefined) return value;
    const where = template.indexOf(`.${field}`);
    throw fail(`:${where}: executing "log-tag" at <.${field}>: can't evaluate field ${field} in type *logger.Info`);
  });
}

function chosen(
  all: Readonly<Record<string, string>>,
  list: string | undefined,
  pattern: string | undefined,
): readonly (readonly [string, string])[] {
  const names = new Set((list ?? "").split(",").filter((name) => name !== ""));
  const matches = pattern === undefined || pattern === "" ? undefined : new RegExp(pattern);
  return Object.entries(all).filter(([name]) => names.has(name) || matches?.test(name) === true);
}

function variables(env: readonly string[] | null): Readonly<Record<string, string>> {
  return Object.fromEntries(
    (env ?? [])
      .filter((item) => item.includes("="))
      .map((item) => [item.replace(/=[^]*$/, ""), item.replace(/^[^=]*=/, "")]),
  );
}

/** As Go's url.QueryEscape. */
function escape(text: string): string {
  return encodeURIComponent(text)
    .replaceAll("%20", "+")
    .replaceAll(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** The labels and variables that the log options name. */
export function namedAttributes({ hostConfig, config }: ContainerDocument): readonly (readonly [string, string])[] {
  const { Config: options } = hostConfig.LogConfig;
  return [
    ...chosen(config.Labels, options["labels"], options["labels-regex"]),
    ...chosen(variables(config.Env), options["env"], options["env-regex"]),
  ];
}

function detailsOf(document: ContainerDocument): readonly (readonly [string, string])[] {
  const { Type, Config: options } = document.hostConfig.LogConfig;
  // dockerd's cache keeps none.
  if (Type !== "json-file" && Type !== "local" && Type !== "journald") return [];
  const named = namedAttributes(document);
  if (Type === "journald") return named.map(([name, value]) => [journalFieldName(name), value]);
  const tag = options["tag"] ?? "";
  return tag === "" ? named : [...named, ["tag", expandTag(tag, document)]];
}

/** What `docker logs --details` puts before every line. */
export function logDetails(document: ContainerDocument): string {
  return [...new Map(detailsOf(document))]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${escape(name)}=${escape(value)}`)
    .join(",");
}
