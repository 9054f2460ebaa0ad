import { boolFlag, listFlag, stringFlag, valueFlag } from "../core/flags.ts";
import type { Flag, FlagValues } from "../core/flags.ts";
import { parseUlimit } from "../options/devices.ts";
import type { Ulimit } from "../options/devices.ts";
import { bytesFlag } from "../options/resourceFlags.ts";

type ListFlag = Flag<readonly string[]>;

/** May be given several times, a comma is part of the value. */
function arrayFlag(usage: string, short?: string): ListFlag {
  return { ...listFlag(short, usage), typeName: "stringArray" };
}

/** May be given several times, or several by comma. */
function commaFlag(usage: string): ListFlag {
  const parse = (text: string, current: readonly string[]): readonly string[] => [
    ...current,
    ...text.split(",").filter((part) => part !== ""),
  ];
  return { ...listFlag(undefined, usage), typeName: "strings", parse };
}

const hiddenString = (short?: string): Flag<string> => stringFlag(short, "Not for BuildKit", { hidden: true });
const hiddenBool = (initial = false): Flag<boolean> => ({ ...boolFlag(undefined, "", initial), hidden: true });

const ulimit: Flag<readonly Ulimit[]> = valueFlag<readonly Ulimit[]>("ulimit", "Ulimit options", {
  initial: [],
  shownDefault: "[]",
  parse: (text, current) => [...current, parseUlimit(text)],
});

const secret: ListFlag = arrayFlag('Secret to expose to the build (format: "id=mysecret[,src=/local/secret]")');

/** Flags by the type of their values. */
type BuildFlagSet = Readonly<
  Record<
    | "add-host"
    | "allow"
    | "annotation"
    | "attest"
    | "build-arg"
    | "build-context"
    | "cache-from"
    | "cache-to"
    | "label"
    | "no-cache-filter"
    | "output"
    | "platform"
    | "secret"
    | "security-opt"
    | "ssh"
    | "tag",
    ListFlag
  > &
    Record<
      | "builder"
      | "call"
      | "cgroup-parent"
      | "cpu-period"
      | "cpu-quota"
      | "cpu-shares"
      | "cpuset-cpus"
      | "cpuset-mems"
      | "file"
      | "iidfile"
      | "isolation"
      | "memory"
      | "memory-swap"
      | "metadata-file"
      | "network"
      | "progress"
      | "provenance"
      | "sbom"
      | "target",
      Flag<string>
    > &
    Record<
      | "check"
      | "compress"
      | "debug-shell"
      | "explain"
      | "force-rm"
      | "load"
      | "no-cache"
      | "pull"
      | "push"
      | "quiet"
      | "rm"
      | "squash",
      Flag<boolean>
    > &
    Record<"shm-size", Flag<number>> &
    Record<"ulimit", Flag<readonly Ulimit[]>>
>;

/** Flags of `build`, buildx's and what the older builder had. */
export const BUILD_FLAGS: BuildFlagSet = {
  "add-host": commaFlag('Add a custom host-to-IP mapping (format: "host:ip")'),
  allow: commaFlag('Allow extra privileged entitlement (e.g., "network.host", "security.insecure")'),
  annotation: arrayFlag("Add annotation to the image"),
  attest: arrayFlag('Attestation parameters (format: "type=sbom,generator=image")'),
  "build-arg": arrayFlag("Set build-time variables"),
  "build-context": arrayFlag("Additional build contexts (e.g., name=path)"),
  builder: stringFlag(undefined, "Override the configured builder instance"),
  "cache-from": arrayFlag('External cache sources (e.g., "user/app:cache", "type=local,src=path/to/dir")'),
  "cache-to": arrayFlag('Cache export destinations (e.g., "user/app:cache", "type=local,dest=path/to/dir")'),
  call: {
    ...stringFlag(undefined, 'Set method for evaluating build ("check", "outline", "targets")'),
    initial: "build",
    shownDefault: "build",
  },
  "cgroup-parent": stringFlag(undefined, 'Set the parent cgroup for the "RUN" instructions during build'),
  check: boolFlag(undefined, 'Shorthand for "--call=check"'),
  compress: hiddenBool(),
  "cpu-period": hiddenString(),
  "cpu-quota": hiddenString(),
  "cpu-shares": hiddenString("c"),
  "cpuset-cpus": hiddenString(),
  "cpuset-mems": hiddenString(),
  "debug-shell": boolFlag(undefined, "Open a shell in what a failed step began with"),
  explain: boolFlag(undefined, "Tell why steps were not cached"),
  file: stringFlag("f", 'Name of the Dockerfile (default: "PATH/Dockerfile")'),
  "force-rm": hiddenBool(),
  iidfile: stringFlag(undefined, "Write the image ID to the file"),
  isolation: hiddenString(),
  label: arrayFlag("Set metadata for an image"),
  load: boolFlag(undefined, 'Shorthand for "--output=type=docker"'),
  memory: hiddenString("m"),
  "memory-swap": hiddenString(),
  "metadata-file": stringFlag(undefined, "Write build result metadata to the file"),
  network: {
    ...stringFlag(undefined, 'Set the networking mode for the "RUN" instructions during build'),
    initial: "default",
    shownDefault: "default",
  },
  "no-cache": boolFlag(undefined, "Do not use cache when building the image"),
  "no-cache-filter": arrayFlag("Do not cache specified stages"),
  output: arrayFlag('Output destination (format: "type=local,dest=path")', "o"),
  platform: arrayFlag("Set target platform for build"),
  progress: {
    ...stringFlag(
      undefined,
      'Set type of progress output ("auto", "none", "plain", "quiet", "rawjson", "tty"). Use plain to show container output',
    ),
    initial: "auto",
    shownDefault: "auto",
  },
  provenance: stringFlag(undefined, 'Shorthand for "--attest=type=provenance"'),
  pull: boolFlag(undefined, "Always attempt to pull all referenced images"),
  push: boolFlag(undefined, 'Shorthand for "--output=type=registry"'),
  quiet: boolFlag("q", "Suppress the build output and print image ID on success"),
  rm: hiddenBool(true),
  sbom: stringFlag(undefined, 'Shorthand for "--attest=type=sbom"'),
  secret: secret,
  "security-opt": { ...commaFlag("Security options"), hidden: true },
  "shm-size": bytesFlag(undefined, "Shared memory size for build containers"),
  squash: hiddenBool(),
  ssh: arrayFlag('SSH agent socket or keys to expose to the build (format: "default|<id>[=<socket>|<key>[,<key>]]")'),
  tag: arrayFlag('Name and optionally a tag (format: "name:tag")', "t"),
  target: stringFlag(undefined, "Set the target build stage to build"),
  ulimit: ulimit,
};

/** Their values. */
export type BuildFlags = FlagValues<BuildFlagSet>;
