/**
 * Options of dockerd that change nothing here, because there is no such part or because it is always so: taken, so that a
 * daemon.json that serves dockerd serves this daemon, and named in the log when they ask for something else.
 */

interface DockerdOption {
  readonly flag?: string;
  readonly kind: "text" | "flag" | "number" | "list" | "any";
  /** What is said of a value; undefined: nothing is lost. */
  readonly says?: (value: unknown) => string | undefined;
}

const always =
  (wanted: unknown, words: string) =>
  (value: unknown): string | undefined =>
    JSON.stringify(value) === JSON.stringify(wanted) ? undefined : words;

const NOTHING = "has no effect here";
const noEffect = (): string => NOTHING;

function cgroupDriver(value: unknown): string | undefined {
  const wrong = (Array.isArray(value) ? value : []).find((option) => option !== "native.cgroupdriver=cgroupfs");
  return wrong === undefined ? undefined : `${String(wrong)} ${NOTHING}: containers' cgroups are made without systemd`;
}

/** By their key in daemon.json, which is the flag's, too, unless that has another. */
export const DOCKERD_OPTIONS: Readonly<Record<string, DockerdOption>> = {
  "live-restore": { kind: "flag", says: always(true, `${NOTHING}: containers always outlive the daemon`) },
  "userland-proxy-path": { kind: "text" },
  "exec-opts": { kind: "list", flag: "exec-opt", says: cgroupDriver },
  "storage-opts": { kind: "list", flag: "storage-opt", says: always([], NOTHING) },
  "authorization-plugins": { kind: "list", flag: "authorization-plugin", says: noEffect },
  "allow-nondistributable-artifacts": { kind: "list" },
  "node-generic-resources": { kind: "list", flag: "node-generic-resource" },
  "swarm-default-advertise-addr": { kind: "text" },
  "network-control-plane-mtu": { kind: "number" },
  "shutdown-timeout": { kind: "number" },
  "oom-score-adjust": { kind: "number", says: always(0, NOTHING) },
  "selinux-enabled": { kind: "flag", says: always(false, NOTHING) },
  "raw-logs": { kind: "flag" },
  "log-format": { kind: "text", says: always("text", NOTHING) },
  "init-path": { kind: "text", says: noEffect },
  "metrics-addr": { kind: "text", says: noEffect },
  "userns-remap": { kind: "text", says: always("", `${NOTHING}: containers run in the host's user namespace`) },
  "seccomp-profile": { kind: "text", says: always("builtin", NOTHING) },
  "cpu-rt-period": { kind: "number", says: always(0, NOTHING) },
  "cpu-rt-runtime": { kind: "number", says: always(0, NOTHING) },
  experimental: { kind: "flag", says: always(false, NOTHING) },
  ip6tables: { kind: "flag" },
  "firewall-backend": { kind: "text", says: always("nftables", `${NOTHING}: rules are nftables'`) },
  "allow-direct-routing": { kind: "flag", says: always(false, NOTHING) },
  containerd: { kind: "text" },
  "containerd-namespace": { kind: "text" },
  "containerd-plugins-namespace": { kind: "text" },
  "cri-containerd": { kind: "flag" },
  features: { kind: "any" },
  builder: { kind: "any", says: noEffect },
  runtimes: { kind: "any", says: () => `${NOTHING}: crun and runc run containers` },
  "default-network-opts": { kind: "any", says: noEffect },
};

type Values = Readonly<Record<string, unknown>>;

const IS: Readonly<Record<DockerdOption["kind"], (value: unknown) => boolean>> = {
  text: (value) => typeof value === "string",
  flag: (value) => typeof value === "boolean",
  number: (value) => typeof value === "number",
  list: (value) => Array.isArray(value) && value.every((item) => typeof item === "string"),
  any: () => true,
};

/** Keys that no option has, wrong types, and what to tell of the rest. */
export function readDockerdOptions(values: Values): {
  readonly unknown: readonly string[];
  readonly wrong: readonly string[];
  readonly notes: readonly string[];
} {
  const given = Object.entries(values).map(([key, value]) => ({ key, value, option: DOCKERD_OPTIONS[key] }));
  return {
    unknown: given.flatMap(({ key, option }) => (option === undefined ? [key] : [])),
    wrong: given.flatMap(({ key, value, option }) => (option === undefined || IS[option.kind](value) ? [] : [key])),
    notes: given.flatMap(({ key, value, option }) => {
      const note = option?.says?.(value);
      return note === undefined ? [] : [`option ${key} ${note}`];
    }),
  };
}

/** By flag; those of kind "any" have none. */
export function dockerdFlags(): readonly (readonly [flag: string, key: string, option: DockerdOption])[] {
  return Object.entries(DOCKERD_OPTIONS)
    .filter(([, { kind }]) => kind !== "any")
    .map(([key, option]) => [option.flag ?? key, key, option]);
}
