import type { Stages } from "../instruction.ts";
import { answerOf, columns, type SubrequestAnswer, wireRanges, wireSource } from "./answer.ts";

/** Answer to `frontend.targets`: the stages of a Dockerfile. `text` is the file's. */
export function targetsAnswer({ stages }: Stages, text: string): SubrequestAnswer {
  const targets = stages.map((stage, index) => ({
    ...(stage.name === undefined ? {} : { name: stage.name }),
    ...(index === stages.length - 1 ? { default: true } : {}),
    ...(stage.description === "" ? {} : { description: stage.description }),
    ...(stage.baseName === "" ? {} : { base: stage.baseName }),
    ...(stage.platform === undefined ? {} : { platform: stage.platform }),
    location: { ranges: wireRanges(stage.location) },
  }));
  const rows = stages.map(({ name, description }, index) => {
    const mark = index === stages.length - 1 ? "(default)" : "";
    return [[name, mark].filter((part) => part !== undefined && part !== "").join(" "), description];
  });
  return answerOf({ targets, sources: [wireSource(text)] }, columns([["TARGET", "DESCRIPTION"], ...rows], 1));
}
