import type { DiffedFile, DiffedPackage, DiffReply } from "#analysis";
import { humanSize } from "../format/units.ts";
import { escapePath, modeText } from "./fileListing.ts";

const SIGNS = { added: "+", removed: "-", changed: "~", upgraded: "~", downgraded: "~" } as const;

function delta(before: number, after: number): string {
  const change = after - before;
  return change === 0 ? "0B" : `${change < 0 ? "-" : "+"}${humanSize(Math.abs(change), 3)}`;
}

function factsText({ type, mode, uid, gid, size }: NonNullable<DiffedFile["before"]>): string {
  return `${modeText({ type: type as "file", mode })} ${uid}/${gid} ${humanSize(size, 3)}`;
}

function fileLine({ kind, path, changes, before, after }: DiffedFile): string {
  const words = changes.map((change) => (change === "undecided" ? "content (same size, not read)" : change)).join(", ");
  const line = `${SIGNS[kind]} ${escapePath(path)}`;
  if (before === undefined || after === undefined) {
    const only = before ?? after;
    return only?.type === "file" ? `${line}  ${humanSize(only.size, 3)}` : line;
  }
  const sizes = before.size === after.size ? "" : `  ${delta(before.size, after.size)}`;
  const facts = factsText(before) === factsText(after) ? "" : `  (${factsText(before)} → ${factsText(after)})`;
  return `${line}  ${words}${sizes}${changes.includes("content") && changes.length === 1 ? "" : facts}`;
}

function packageLine({ kind, manager, name, before, after }: DiffedPackage): string {
  const versions = before === undefined ? after : after === undefined ? before : `${before} → ${after}`;
  const note = kind === "downgraded" ? "  (downgraded)" : "";
  return `${SIGNS[kind]} ${name} ${versions ?? ""} (${manager})${note}`;
}

function configLine({ field, key, before, after }: NonNullable<DiffReply["config"]>[number]): string {
  const name = key === undefined ? field : `${field} ${key}`;
  const value = (text: string): string => (text === "" ? "" : `=${escapePath(text)}`);
  if (before === undefined) return `+ ${name}${value(after ?? "")}`;
  if (after === undefined) return `- ${name}${value(before)}`;
  return `~ ${name}: ${escapePath(before)} → ${escapePath(after)}`;
}

function counts(files: readonly DiffedFile[]): string {
  const count = (kind: DiffedFile["kind"]): number => files.filter((file) => file.kind === kind).length;
  return `${count("added")} added, ${count("removed")} removed, ${count("changed")} changed`;
}

function section(title: string, lines: readonly string[] | undefined): readonly string[] {
  if (lines === undefined) return [];
  return [`${title}:`, ...(lines.length === 0 ? ["  no difference"] : lines.map((line) => `  ${line}`))];
}

function sizeLines(size: NonNullable<DiffReply["size"]>): readonly string[] {
  return size
    .filter(({ path, before, after }) => path === "/" || before !== after)
    .map(({ path, before, after }) => {
      const change = `${humanSize(before, 4)} → ${humanSize(after, 4)}  (${delta(before, after)})`;
      return `${path === "/" ? "all" : escapePath(path)}  ${change}`;
    });
}

/** `image diff`, for people; files one by one, or only how many. */
export function diffText(reply: DiffReply, listsFiles: boolean): string {
  const { before, after, sharedLayers, files, packages, config, size, notes } = reply;
  const label = ({ name, step, layers }: DiffReply["before"]): string =>
    `${name}${step === undefined ? "" : `@${step}`} (${layers === 1 ? "1 layer" : `${layers} layers`})`;
  const fileLines = listsFiles ? files?.map(fileLine) : files && [`${counts(files)}; --files lists them`];
  return `${[
    `- ${label(before)}`,
    `+ ${label(after)}`,
    `${sharedLayers === 1 ? "1 layer" : `${sharedLayers} layers`} in common`,
    ...section("size", size && sizeLines(size)),
    ...section("config", config?.map(configLine)),
    ...section("packages", packages?.map(packageLine)),
    ...section("files", files?.length === 0 ? [] : fileLines),
    ...notes.map((note) => `note: ${note}`),
  ].join("\n")}\n`;
}
