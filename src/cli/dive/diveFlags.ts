import { aliasFlag, boolFlag, stringFlag } from "../core/flags.ts";
import type { Flag } from "../core/flags.ts";

const lowestEfficiency: Flag<string> = {
  ...stringFlag(undefined, "With --ci: the lowest efficiency that passes, 0-1", { shownDefault: "0.9" }),
  initial: "0.9",
};
const highestWastedBytes: Flag<string> = {
  ...stringFlag(undefined, 'With --ci: the most wasted bytes that pass, e.g. "20MB"', { shownDefault: "disabled" }),
  initial: "disabled",
};
const highestUserWastedPercent: Flag<string> = {
  ...stringFlag(undefined, "With --ci: the most that may be wasted of the bytes above the base, 0-1", {
    shownDefault: "0.1",
  }),
  initial: "0.1",
};

/** Flags of dive's own that say what is done with an image; those in camelCase are dive's older spelling. */
export const DIVE_FLAGS: {
  readonly ci: Flag<boolean>;
  readonly "ci-config": Flag<string>;
  readonly json: Flag<string>;
  readonly "lowest-efficiency": Flag<string>;
  readonly "highest-wasted-bytes": Flag<string>;
  readonly "highest-user-wasted-percent": Flag<string>;
  readonly lowestEfficiency: Flag<string>;
  readonly highestWastedBytes: Flag<string>;
  readonly highestUserWastedPercent: Flag<string>;
  readonly "ignore-errors": Flag<boolean>;
} = {
  ci: boolFlag(undefined, "Judge the image by rules instead of showing it (same as env var CI=true)"),
  "ci-config": {
    ...stringFlag(undefined, "With --ci: YAML file with rules, in place of the flags", { shownDefault: ".dive-ci" }),
    initial: ".dive-ci",
  },
  json: stringFlag("j", "Write a report to a file instead of showing the image"),
  "lowest-efficiency": lowestEfficiency,
  "highest-wasted-bytes": highestWastedBytes,
  "highest-user-wasted-percent": highestUserWastedPercent,
  lowestEfficiency: aliasFlag(lowestEfficiency, "lowest-efficiency"),
  highestWastedBytes: aliasFlag(highestWastedBytes, "highest-wasted-bytes"),
  highestUserWastedPercent: aliasFlag(highestUserWastedPercent, "highest-user-wasted-percent"),
  "ignore-errors": boolFlag("i", "Go on when a layer cannot be read: it counts as empty"),
};

/** Values of {@link DIVE_FLAGS}. */
export interface DiveFlags {
  readonly ci: boolean;
  readonly "ci-config": string;
  readonly json: string;
  readonly "lowest-efficiency": string;
  readonly "highest-wasted-bytes": string;
  readonly "highest-user-wasted-percent": string;
  readonly "ignore-errors": boolean;
}

/** CI=true means --ci, in the words that dive knows. */
export function isCi(flags: DiveFlags, environment: NodeJS.ProcessEnv): boolean {
  return flags.ci || ["true", "1", "yes"].includes(environment["CI"] ?? "");
}
