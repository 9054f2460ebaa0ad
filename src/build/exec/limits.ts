import type { StepLimits } from "#containers";
import { EngineError, ErrorCode } from "#errors";
import type { ExecLimits } from "../graph/operation.ts";

type Ulimit = NonNullable<StepLimits["ulimits"]>[number];

/** `nofile=1024:2048`, `nofile=1024`, -1 for none. @throws {invalid_argument} */
function parseUlimit(text: string): Ulimit {
  const [, name = "", soft = "", hard = soft] = /^([a-z]+)=(-?\d+)(?::(-?\d+))?$/.exec(text) ?? [];
  if (name === "") throw new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, `invalid ulimit: ${text}`);
  return { Name: name, Soft: Number(soft), Hard: Number(hard) };
}

/** An operation's limits as a runner takes them. @throws {invalid_argument} for an ulimit that is none */
export function stepLimits(limits: ExecLimits): StepLimits {
  const { ulimits, shmSize, cgroupParent, ...rest } = limits;
  return {
    ...rest,
    ulimits: ulimits.map(parseUlimit),
    ...(shmSize === undefined ? {} : { shmSize }),
    ...(cgroupParent === undefined ? {} : { cgroupParent }),
  };
}
