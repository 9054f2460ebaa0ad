import { relative } from "node:path";
import { formatPlatform, parsePlatform } from "#oci";
import type { BuildRecord } from "./buildRecords.ts";

export type Pair = readonly [name: string, value: string];

/** What is told of a record, in its order. */
export interface RecordDetails {
  readonly head: readonly Pair[];
  readonly run: readonly Pair[];
  readonly config: readonly Pair[];
  readonly buildArgs: readonly Pair[];
  readonly labels: readonly Pair[];
  readonly contexts: readonly Pair[];
}

type Attributes = Readonly<Record<string, string>>;

const MINUTE_MS = 60_000;
/** Attributes that are told under a name of their own, and families of them. */
const TOLD = ["context", "filename", "target", "platform", "image-resolve-mode", "no-cache", "frontend.caps"];
const FAMILIES = ["vcs:", "build-arg:", "label:", "context:", "attest:", "sharedkey:"];

const byName = ([a]: Pair, [b]: Pair): number => (a < b ? -1 : 1);

/** `1.5s`, `2m  5s`. */
export function shownDuration(ms: number): string {
  if (ms < MINUTE_MS) return `${(ms / 1000).toFixed(1)}s`;
  const seconds = Math.floor(ms / 1000) % 60;
  return `${Math.floor(ms / MINUTE_MS)}m ${String(seconds).padStart(2)}s`;
}

/** ms; of what runs, until now. */
export const durationOf = ({ createdAt, completedAt }: BuildRecord): number => (completedAt ?? Date.now()) - createdAt;

function family(attributes: Attributes, prefix: string): readonly Pair[] {
  return Object.entries(attributes)
    .filter(([key]) => key.startsWith(prefix))
    .map(([key, value]): Pair => [key.slice(prefix.length), value])
    .sort(byName);
}

/** A path within a folder by its name there. */
function below(folder: string, path: string): string {
  const inside = relative(folder, path);
  if (inside === "") return ".";
  return inside.startsWith("../") || inside === ".." ? path : inside;
}

function places({ attributes, state }: BuildRecord): readonly Pair[] {
  const { LocalPath = "", DockerfilePath = "" } = state ?? {};
  const isPath = LocalPath.startsWith("/");
  const remote = LocalPath || (attributes["context"] ?? "");
  const named = isPath && DockerfilePath.startsWith("/") ? below(LocalPath, DockerfilePath) : DockerfilePath;
  return [
    ["Context", isPath ? below(process.cwd(), LocalPath) : remote],
    ["Dockerfile", named || (attributes["filename"] ?? "")],
  ];
}

function head(record: BuildRecord): readonly Pair[] {
  const { attributes } = record;
  const text = (name: string): string => attributes[name] ?? "";
  const platforms = text("platform")
    .split(",")
    .filter((one) => one !== "");
  const all: readonly Pair[] = [
    ["Name", record.name],
    ["Ref", record.ref],
    ...places(record),
    ["VCS Repository", text("vcs:source")],
    ["VCS Revision", text("vcs:revision")],
    ["Target", text("target")],
    ["Platforms", platforms.map((one) => formatPlatform(parsePlatform(one))).join(", ")],
  ];
  return all.filter(([, value]) => value !== "");
}

function run(record: BuildRecord): readonly Pair[] {
  const { error, totalSteps, cachedSteps, completedSteps, completedAt, createdAt } = record;
  const isCanceled = error?.category === "cancelled";
  const share = totalSteps === 0 ? 0 : (cachedSteps / totalSteps) * 100;
  const local = new Date(createdAt - new Date(createdAt).getTimezoneOffset() * MINUTE_MS);
  return [
    ["Started", local.toISOString().slice(0, 19).replace("T", " ")],
    ["Duration", `${shownDuration(durationOf(record))}${completedAt === undefined ? " (running)" : ""}`],
    ...(error === undefined || isCanceled ? [] : [["Error", `Unknown ${error.message}`] as const]),
    ...(isCanceled ? [["Status", "Canceled"] as const] : []),
    ["Build Steps", `${completedSteps}/${totalSteps} (${share.toFixed(0)}% cached)`],
  ];
}

function config(attributes: Attributes): readonly Pair[] {
  const { "image-resolve-mode": mode, "no-cache": noCache } = attributes;
  const rest = Object.entries(attributes)
    .filter(([key]) => !TOLD.includes(key) && !FAMILIES.some((prefix) => key.startsWith(prefix)))
    .sort(byName);
  return [
    ...(mode === undefined ? [] : [["Image Resolve Mode", mode] as const]),
    ...(noCache === "" ? [["No Cache", "true"] as const] : []),
    ...(noCache === undefined || noCache === "" ? [] : [["No Cache Filter", noCache.split(",").join(", ")] as const]),
    ...rest,
  ];
}

/** See {@link RecordDetails}. */
export function details(record: BuildRecord): RecordDetails {
  const { attributes } = record;
  return {
    head: head(record),
    run: run(record),
    config: config(attributes),
    buildArgs: family(attributes, "build-arg:"),
    labels: family(attributes, "label:"),
    contexts: family(attributes, "context:"),
  };
}
