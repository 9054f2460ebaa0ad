import type { EventSink } from "#engineapi";
import type { ImageCatalog, ImageCommits } from "#images";
import type { LayerReads } from "#layers";
import type { Metadata } from "#metadata";
import type { SandboxService } from "#networks";
import type { Snapshotter, StackMounts } from "#snapshots";
import type { ContainerVolumes } from "#volumes";
import { Control } from "./control/control.ts";
import type { ContainerControl } from "./control/containerControl.ts";
import type { ContainerService } from "./containerService.ts";
import { Containers } from "./containers.ts";
import type { ExecService } from "./exec/execService.ts";
import { RoomFiles } from "./files/containerFiles.ts";
import type { ContainerFiles } from "./files/filesService.ts";
import type { ContainerNetworks } from "./networking/containerNetworks.ts";
import type { Ulimit } from "./request/hostConfig.ts";
import { NetworkMembers } from "./networking/networkMembers.ts";
import { Usage } from "./usage/usage.ts";
import type { UsageService } from "./usage/usageService.ts";
import { checkDefaults } from "./request/daemonDefaults.ts";
import type { ContainerDefaults } from "./request/daemonDefaults.ts";
import { ContainerRoom } from "./room.ts";
import type { StepRunner } from "./steps/stepRunner.ts";
import { Steps } from "./steps/steps.ts";

export interface ContainerServiceOptions {
  readonly metadata: Metadata;
  readonly snapshots: Snapshotter & StackMounts;
  readonly layers: LayerReads;
  readonly images: ImageCatalog & ImageCommits;
  readonly volumes: ContainerVolumes;
  readonly sandboxes: SandboxService;
  /** Logs and files of /etc lie in `<dataRoot>/containers/<id>`. */
  readonly dataRoot: string;
  /** Bundles, exit codes and runtime state: gone with the host's boot, as containers are. */
  readonly execRoot: string;
  /** Of containers that ask for none of the same name. Absent: none. */
  readonly ulimits?: readonly Ulimit[];
  /** Of containers that say nothing of it. Absent: Docker's own. */
  readonly defaults?: ContainerDefaults;
  readonly events: EventSink;
  /** Where journald takes entries; default systemd's. */
  readonly journalSocket?: string;
  readonly log: (level: "info" | "warn" | "error", line: string) => void;
}

/** The room's services, one a role; all see the same containers. */
export interface ContainerServices {
  readonly containers: ContainerService;
  readonly execs: ExecService;
  readonly usage: UsageService;
  readonly files: ContainerFiles;
  readonly control: ContainerControl;
  readonly members: ContainerNetworks;
  readonly steps: StepRunner;
}

/** The containers of a data root. Call `containers.reconcile` and `steps.reconcile` before anything else, `steps.close`, `containers.close` and `files.close` at the end. */
export function createContainerServices(options: ContainerServiceOptions): ContainerServices {
  if (options.defaults !== undefined) checkDefaults(options.defaults);
  const room = new ContainerRoom(options);
  return {
    containers: new Containers(room),
    control: new Control(room),
    execs: room.execs,
    usage: new Usage(room),
    files: new RoomFiles(room),
    members: new NetworkMembers(room),
    steps: new Steps(room),
  };
}
