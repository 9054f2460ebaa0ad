import type { BuildService, DebugShells } from "#build";
import type { LookBackend, RegistryAccess, RegistryBackend, SystemBackend } from "#engine";
import type {
  ContainerControl,
  ContainerFiles,
  ContainerNetworks,
  ContainerService,
  ExecService,
  UsageService,
} from "#containers";
import type { NetworkCatalog } from "#networks";
import type { ImageCatalog, ImageReshaping, ImageTransfer } from "#images";
import type { VolumeCatalog } from "#volumes";

/** What routes need of images. */
export type ImageBackend = ImageTransfer & ImageCatalog & ImageReshaping;

/** What routes need of containers. */
export type ContainerBackend = ContainerService;

/** What routes need of containers' use of the host. */
export type UsageBackend = UsageService;

/** What routes need of further processes in containers. */
export type ExecBackend = ExecService;
/** What routes need of containers' files; the engine closes it. */
export type FileBackend = Omit<ContainerFiles, "close">;

/** What routes do to containers. */
export type ControlBackend = ContainerControl;

/** Everything behind the API. */
export interface Backends {
  readonly images: ImageBackend;
  readonly containers: ContainerBackend;
  readonly files: FileBackend;
  readonly control: ControlBackend;
  readonly networks: NetworkCatalog;
  /** Containers as members of networks. */
  readonly members: ContainerNetworks;
  readonly volumes: VolumeCatalog;
  readonly execs: ExecBackend;
  readonly usage: UsageBackend;
  readonly system: SystemBackend;
  readonly registry: RegistryBackend & RegistryAccess;
  readonly build: BuildService;
  readonly debugShells: DebugShells;
  readonly look: LookBackend;
}
