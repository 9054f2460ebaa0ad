import type { Dockerfile, EscapeCharacter, IgnoreMatcher, LineRange, Linter, Variables } from "#dockerfile";
import type { Platform } from "#oci";
import type { SourceLocation, Vertex } from "../graph/vertex.ts";
import type { BuildRequest, FrontendOptions } from "../request.ts";
import type { FrontendHost } from "./frontendHost.ts";
import type { FrontendImages } from "./frontendImages.ts";
import type { Later } from "./later.ts";
import type { NamedContexts } from "./namedContexts.ts";
import type { StageTable } from "./links.ts";

/** What all stages of one platform's plan know. */
export interface PlanContext {
  readonly request: BuildRequest;
  readonly options: FrontendOptions;
  readonly host: FrontendHost;
  readonly dockerfile: Dockerfile;
  readonly escape: EscapeCharacter;
  readonly stages: StageTable;
  /** ARG before the first FROM, predefined ones too. */
  readonly globals: Variables;
  readonly images: FrontendImages;
  readonly namedContexts: NamedContexts;
  /** The build context, made when all paths that are wanted of it are known. */
  readonly buildContext: Later<Vertex>;
  readonly ignored: IgnoreMatcher | undefined;
  readonly linter: Linter;
  readonly targetPlatform: Platform;
  /** Nobody asked for this platform: the base may decide. */
  readonly isImplicit: boolean;
  /** seconds since 1970 */
  readonly epoch: number | undefined;
}

/** Where in the Dockerfile, for errors of the step. */
export function locationOf({ filename, text }: Dockerfile, range: LineRange): SourceLocation {
  return { filename, text, ranges: [{ start: range.start, end: range.end }] };
}
