import type { ContainerDefaults, HistoryEntry, Platform } from "#oci";
import type { Vertex } from "./graph/vertex.ts";

/** What the frontend makes of a Dockerfile: nothing has run yet, base images are resolved. */
export interface BuildPlan {
  readonly targets: readonly TargetPlan[];
  /** Answer to a subrequest: `result.json`, `result.txt`, `version`, `result.statuscode`; then `targets` is empty. */
  readonly answer?: ReadonlyMap<string, Uint8Array>;
  readonly dockerfile: { readonly filename: string; readonly text: string };
}

/** One platform's result. */
export interface TargetPlan {
  readonly platform: Platform;
  /** undefined: scratch and no step that makes a layer. */
  readonly vertex: Vertex | undefined;
  readonly image: ImageDraft;
}

/** The image config without what only a finished build knows (rootfs). */
export interface ImageDraft {
  readonly platform: Platform;
  readonly author: string | undefined;
  readonly config: ContainerDefaults;
  /**
   * Base's entries, then one a step in BuildKit's words (`comment: "buildkit.dockerfile.v0"`); `created` of the steps is
   * filled by the exporter. Entries without `empty_layer` are as many as layers.
   */
  readonly history: readonly HistoryEntry[];
  /** seconds since 1970, from SOURCE_DATE_EPOCH */
  readonly epoch: number | undefined;
  /** Fields of the base's config that stay (os.version, …). */
  readonly base: Readonly<Record<string, unknown>> | undefined;
  /** For provenance: what was resolved. */
  readonly materials: readonly { readonly uri: string; readonly digest: string }[];
}
