import { formatPlatform } from "#oci";
import type { HistoryEntry, Platform } from "#oci";
import type { BuiltTarget } from "../buildService.ts";
import type { FrontendHost } from "../frontend/frontendHost.ts";
import { inputVertex } from "../frontend/inputContext.ts";
import { layered, makeVertex, SCRATCH } from "../frontend/vertices.ts";
import type { Vertex } from "../graph/vertex.ts";
import type { BuildPlan } from "../plan.ts";
import type { BuildRequest } from "../request.ts";
import type { DefinedInput, DefinedOperation, Definition } from "./definition.ts";
import { execVertex } from "./execVertex.ts";
import { fileVertex } from "./fileVertex.ts";
import { DEFAULT_PATH, refused, unsupported, vertexAt } from "./planning.ts";
import type { PlannedOperation, Planning } from "./planning.ts";
import { sourceVertex } from "./sourceVertex.ts";

const COMMENT = "buildkit.exporter.image.v0";
/** Chains are walked by calls of calls. */
const MAX_OPERATIONS = 10_000;

function platformOf({ platform }: DefinedOperation, host: FrontendHost): Platform {
  if (platform === undefined || platform.architecture === "") return host.buildPlatform;
  const { architecture, os, variant } = platform;
  return { architecture, os, ...(variant === "" ? {} : { variant }) };
}

function mergeVertex({ operation, inputs, name }: PlannedOperation): Vertex {
  const parts = (operation.merge?.inputs ?? []).map(({ input }) => layered(vertexAt(inputs, input)));
  return makeVertex({
    name: name ?? `merge (${parts.map((part) => part.name).join(", ")})`,
    operation: { kind: "merge" },
    inputs: parts,
  });
}

class Planner {
  readonly #planning: Planning;
  readonly #definition: Definition;
  readonly #inputs: ReadonlyMap<string, BuiltTarget>;
  readonly #vertices = new Map<string, Promise<Vertex>>();

  constructor(planning: Planning, definition: Definition) {
    this.#planning = planning;
    this.#definition = definition;
    this.#inputs = planning.request.inputs ?? new Map();
  }

  vertex({ digest, index }: DefinedInput): Promise<Vertex> {
    const key = `${digest} ${index}`;
    const known = this.#vertices.get(key);
    if (known !== undefined) return known;
    const made = this.#make(digest, index);
    this.#vertices.set(key, made);
    return made;
  }

  async #make(digest: string, index: number): Promise<Vertex> {
    const operation = this.#definition.operations.get(digest);
    if (operation === undefined) throw refused(`failed to load LLB: invalid missing input digest ${digest}`);
    const inputs: Vertex[] = [];
    for (const input of operation.inputs) inputs.push(await this.vertex(input));
    const { host } = this.#planning;
    const name = operation.description["llb.customname"];
    const planned: PlannedOperation = { operation, inputs, platform: platformOf(operation, host), name };
    if (operation.source !== undefined) {
      const input = this.#inputs.get(operation.source.identifier);
      return input === undefined ? await sourceVertex(this.#planning, planned) : inputVertex(digest, input);
    }
    if (operation.exec !== undefined) return execVertex(this.#planning, planned, index);
    if (operation.file !== undefined) return fileVertex(planned, index);
    if (operation.merge !== undefined) return mergeVertex(planned);
    throw unsupported("an operation that is no source, exec, file or merge");
  }
}

/** Layers as the exporter tells of them when no frontend did: what each was made by, base first. */
function historyOf(vertex: Vertex): readonly HistoryEntry[] {
  const { operation, inputs, name } = vertex;
  if (operation.kind === "scratch") return [];
  if (operation.kind === "image") {
    return operation.diffIds.map(() => ({ created_by: `pulled from ${name}`, comment: COMMENT }));
  }
  if (operation.kind === "merge") return inputs.flatMap(historyOf);
  const [base] = inputs;
  const created_by = operation.kind === "exec" ? `mount / from exec ${operation.arguments.join(" ")}` : name;
  return [...(base === undefined ? [] : historyOf(base)), { created_by, comment: COMMENT }];
}

/**
 * A graph of BuildKit's operations → the plan of an image with BuildKit's default configuration. Base images are resolved.
 * @throws {not_implemented} {invalid_argument}
 */
export async function planDefinition(
  definition: Definition,
  request: BuildRequest,
  host: FrontendHost,
): Promise<BuildPlan> {
  if (definition.operations.size > MAX_OPERATIONS)
    throw refused(
      `the definition has ${definition.operations.size} operations, more than the ${MAX_OPERATIONS} that are built`,
    );
  const found = await new Planner({ request, host }, definition).vertex(definition.result);
  const vertex = layered(found);
  const platform = host.buildPlatform;
  const image = {
    platform,
    author: undefined,
    config: { Env: [DEFAULT_PATH], WorkingDir: "/" },
    history: historyOf(vertex),
    epoch: undefined,
    base: undefined,
    materials: [],
  };
  const target = { platform, vertex: vertex === SCRATCH ? undefined : vertex, image };
  return { targets: [target], dockerfile: { filename: `definition for ${formatPlatform(platform)}`, text: "" } };
}
