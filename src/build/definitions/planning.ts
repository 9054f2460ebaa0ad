import { EngineError, ErrorCode } from "#errors";
import type { Platform } from "#oci";
import type { FrontendHost } from "../frontend/frontendHost.ts";
import { SCRATCH } from "../frontend/vertices.ts";
import type { Vertex } from "../graph/vertex.ts";
import type { BuildRequest } from "../request.ts";
import type { DefinedOperation } from "./definition.ts";

/** `PATH` of images and of commands that have none, as BuildKit's. */
export const DEFAULT_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** What turning an operation into a vertex needs. */
export interface Planning {
  readonly request: BuildRequest;
  readonly host: FrontendHost;
}

/** An operation with the vertices of its inputs. */
export interface PlannedOperation {
  readonly operation: DefinedOperation;
  readonly inputs: readonly Vertex[];
  readonly platform: Platform;
  readonly name: string | undefined;
}

export function refused(message: string): EngineError {
  return new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, message);
}

/** @throws {not_implemented} for what varve's steps cannot do */
export function unsupported(what: string): EngineError {
  return new EngineError("not_implemented", ErrorCode.NOT_IMPLEMENTED, `${what} is not supported by varve`);
}

/** @throws {invalid_argument} for an index that there is not */
export function vertexAt(inputs: readonly Vertex[], index: number): Vertex {
  if (index === -1) return SCRATCH;
  const vertex = inputs[index];
  if (vertex === undefined) throw refused(`failed to load LLB: invalid input index ${index}`);
  return vertex;
}
