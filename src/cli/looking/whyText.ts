import type { WhyEvent, WhyReply } from "#analysis";
import { humanSize, shortId } from "../format/units.ts";
import { escapePath } from "./fileListing.ts";

const INSTRUCTION_WIDTH = 100;

/** What a step ran, on one line: without the shell's name, cut where it gets long. */
export function instructionText(createdBy: string): string {
  const plain = createdBy
    .replace(/^(?:RUN )?\/bin\/sh -c #\(nop\)\s*/, "")
    .replace(/^(?:RUN )?\/bin\/sh -c /, "RUN ")
    .replace(/ # buildkit$/, "")
    .replaceAll(/\s+/g, " ")
    .trim();
  return plain.length > INSTRUCTION_WIDTH ? `${plain.slice(0, INSTRUCTION_WIDTH - 1)}…` : plain;
}

function detailOf({ kind, type, mode, size, changes, hiddenBy, wastedBytes }: WhyEvent): string {
  const parts: string[] = [];
  if (hiddenBy !== undefined) {
    const words = { whiteout: "deleted", opaque: "directory made anew", replaced: "replaced by something else" };
    parts.push(`${words[hiddenBy.kind]} at ${escapePath(hiddenBy.path)}`);
  }
  if (type !== undefined) parts.push(type === "file" ? `${humanSize(size ?? 0, 4)}, mode ${mode ?? ""}` : type);
  if (kind === "changed" && changes.length > 0) parts.push(`changed: ${changes.map(changeWord).join(", ")}`);
  if (wastedBytes > 0) parts.push(`${humanSize(wastedBytes, 4)} wasted`);
  return parts.join("; ");
}

const changeWord = (change: WhyEvent["changes"][number]): string =>
  change === "undecided" ? "content (same size)" : change;

function eventLines(event: WhyEvent): readonly string[] {
  const from = event.base === undefined ? "" : `  [${event.base.join(", ")}]`;
  const instruction = instructionText(event.createdBy) || "(no history)";
  return [
    `  @${String(event.step).padEnd(3)} ${event.kind.padEnd(8)} ${shortId(event.diffId)}  ${instruction}${from}`,
    `                ${detailOf(event)}`,
  ];
}

/** The answer of `image why`, for people. */
export function whyText(reply: WhyReply): string {
  const { path, present, events, wastedBytes, bases, packages, notes } = reply;
  const lines = [`${escapePath(path)}${present ? "" : "  (not in the image any more)"}`, ...events.flatMap(eventLines)];
  for (const { manager, name, version, arch } of packages)
    lines.push(`package  ${name} ${version}${arch === undefined ? "" : ` ${arch}`} (${manager})`);
  const [base] = bases.toReversed();
  if (base !== undefined) {
    const layers = base.layers === 1 ? "1 layer" : `${base.layers} layers`;
    lines.push(`base     ${base.names.join(", ")} (${layers})`);
  }
  if (wastedBytes > 0) lines.push(`wasted   ${humanSize(wastedBytes, 4)} in copies that nobody sees`);
  for (const note of notes) lines.push(`note     ${note}`);
  return `${lines.map((line) => line.trimEnd()).join("\n")}\n`;
}
