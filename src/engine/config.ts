import type { ContainerDefaults } from "#containers";
import type { NetworkDefaults } from "#networks";
import type { RegistryOptions } from "#remote";

/** Everything `createEngine` needs; the daemon fills it from flags and config file. */
export interface EngineConfig {
  /** Everything that lasts. Default `/var/lib/varve`. */
  readonly dataRoot: string;
  /** Sockets, pids, mounts: gone after a boot. Default `/run/varve`. */
  readonly execRoot: string;
  /** `erofs`, `erofs-file`, `erofs-loop` or `overlay2`; undefined = the best the kernel allows. */
  readonly storageDriver: string | undefined;
  readonly registries: Pick<RegistryOptions, "insecureRegistries" | "registryMirrors" | "mirrorsByHost">;
  /** Layers fetched at once per pull. Default 3, as in Docker. */
  readonly maxConcurrentDownloads: number;
  /** Layers sent at once per push. Default 5. */
  readonly maxConcurrentUploads: number;
  /** Times a transfer is tried again. Default 5. */
  readonly maxDownloadAttempts: number;
  readonly networks: NetworkDefaults;
  /** Of containers that ask for none of the same name. Absent: none. */
  readonly ulimits?: readonly { readonly Name: string; readonly Hard: number; readonly Soft: number }[];
  /** Of containers that say nothing of it. Absent: Docker's own. */
  readonly containers?: ContainerDefaults;
  readonly labels: readonly string[];
  readonly debug: boolean;
  /** One line for people who watch the daemon; `level` as in `--log-level`. */
  readonly log: (level: LogLevel, message: string) => void;
}

/** Ascending severity. */
export const LOG_LEVELS = ["debug", "info", "warn", "error", "fatal"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
