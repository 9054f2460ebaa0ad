import { redactUrl } from "#errors";
import { formatPlatform, hexOf, hostPlatform } from "#oci";
import type { Descriptor } from "#oci";
import type { BuiltTarget } from "../buildService.ts";
import type { Vertex } from "../graph/vertex.ts";
import { resolvedSource } from "../sources/resolvedSources.ts";
import { buildSteps, walkGraph } from "./buildSteps.ts";
import type { ExportJob } from "./exporter.ts";
import { goMap, withoutEmpty } from "./goJson.ts";
import { trimTime } from "./history.ts";
import { imagePurl } from "./purl.ts";

const BUILD_TYPE = "https://mobyproject.org/buildkit@v1";
export const PROVENANCE_TYPE = "https://slsa.dev/provenance/v0.2";

type Json = Readonly<Record<string, unknown>>;

/** What `attest:provenance` asks for. */
export interface ProvenanceWish {
  readonly isMax: boolean;
  readonly isReproducible: boolean;
  readonly builderId: string;
  /** Only where an image with an index is made anyway: a client's default, that it did not ask for by name. */
  readonly isInlineOnly: boolean;
}

/** SLSA 0.2 in BuildKit's form: what a target was made from, by whom, and (max) by which steps. */
export function provenanceOf(
  job: ExportJob,
  target: BuiltTarget,
  { wish, layers }: { readonly wish: ProvenanceWish; readonly layers: readonly Descriptor[] },
): Json {
  const vertices = target.vertex === undefined ? [] : walkGraph(target.vertex);
  const { locals, isHermetic } = inspect(job, vertices);
  const steps = wish.isMax ? buildSteps(vertices) : undefined;
  const args = argumentsOf(job, wish.isMax);
  const isWhole = locals.length === 0;
  return {
    builder: { id: wish.builderId },
    buildType: BUILD_TYPE,
    ...withoutEmpty({ materials: materialsOf(job, vertices) }),
    invocation: {
      configSource: withoutEmpty({ uri: contextOf(job), entryPoint: job.request.options.raw["filename"] }),
      parameters: {
        frontend: "dockerfile.v0",
        ...withoutEmpty({
          args: goMap(args.given),
          ...(wish.isMax ? mountsOf(vertices) : {}),
          locals: locals.map((name) => ({ name })),
        }),
      },
      environment: { platform: formatPlatform(hostPlatform()) },
    },
    ...(steps === undefined ? {} : { buildConfig: { llbDefinition: steps.definition, digestMapping: steps.digests } }),
    metadata: {
      buildInvocationID: job.request.ref,
      buildStartedOn: timeOf(job.startedAt),
      buildFinishedOn: timeOf(Date.now()),
      completeness: { parameters: !args.isCut, environment: true, materials: isWhole },
      reproducible: wish.isReproducible,
      [`${BUILD_TYPE}#metadata`]: withoutEmpty({
        vcs: vcsOf(job),
        ...(steps === undefined ? {} : { source: sourceOf(job, steps.locations), layers: { "step0:0": [layers] } }),
      }),
      ...withoutEmpty({ [`${BUILD_TYPE}#hermetic`]: isWhole && isHermetic }),
    },
  };
}

function timeOf(ms: number): string {
  return trimTime(new Date(ms).toISOString());
}

function inspect(
  { request }: ExportJob,
  vertices: readonly Vertex[],
): { readonly locals: readonly string[]; readonly isHermetic: boolean } {
  const names = new Set<string>();
  if (request.options.context === undefined) names.add(request.options.dockerfileDirectory);
  let isHermetic = true;
  for (const { operation } of vertices) {
    if (operation.kind === "local") names.add(operation.name);
    if (operation.kind === "exec" && operation.network !== "none") isHermetic = false;
  }
  return { locals: [...names].sort(), isHermetic };
}

function materialsOf({ request }: ExportJob, vertices: readonly Vertex[]): readonly Json[] {
  const found = new Map<string, Json>();
  for (const vertex of vertices) {
    const { operation } = vertex;
    if (operation.kind === "image") {
      const { reference, platform, manifest, origin } = operation;
      const uri = imagePurl(reference, platform, origin === "local" ? "oci" : "docker");
      found.set(uri, { uri, ...(manifest === undefined ? {} : { digest: { sha256: hexOf(manifest) } }) });
    } else if (operation.kind === "git" || operation.kind === "http") {
      const ref = operation.kind === "git" && operation.ref !== undefined ? `#${operation.ref}` : "";
      const uri = redactUrl(operation.kind === "git" ? operation.remote : operation.url) + ref;
      const digest = resolvedSource({ session: request.session, vertex });
      found.set(uri, { uri, ...(digest === undefined ? {} : { digest }) });
    }
  }
  return [...found.values()];
}

/** What is this machine's own affair, or stands elsewhere in the predicate. */
const LEFT_OUT: ReadonlySet<string> = new Set([
  "cgroup-parent",
  "image-resolve-mode",
  "platform",
  "cache-imports",
  "filename",
  "context",
]);

function argumentsOf(
  { request }: ExportJob,
  isMax: boolean,
): { readonly given: Readonly<Record<string, string>>; readonly isCut: boolean } {
  const given: Record<string, string> = {};
  let isCut = false;
  for (const [key, value] of Object.entries(request.options.raw)) {
    if (LEFT_OUT.has(key) || /^(?:attest|vcs|local-sessionid|sharedkey):/.test(key)) continue;
    if (!isMax && /^(?:build-arg|label):/.test(key)) isCut = true;
    else given[key] = key.startsWith("context:") ? redactUrl(value) : value;
  }
  return { given, isCut };
}

function contextOf({ request }: ExportJob): string | undefined {
  const { context } = request.options;
  return context === undefined ? undefined : redactUrl(context);
}

function vcsOf({ request }: ExportJob): Readonly<Record<string, string>> {
  const given = Object.entries(request.options.raw).filter(([key, value]) => key.startsWith("vcs:") && value !== "");
  return goMap(Object.fromEntries(given.map(([key, value]) => [key.slice("vcs:".length), redactUrl(value)])));
}

/** Names of secrets and agents; never what they hold. */
function mountsOf(vertices: readonly Vertex[]): Json {
  const mounts = vertices.flatMap(({ operation }) => (operation.kind === "exec" ? operation.mounts : []));
  const named = (kind: "secret" | "ssh"): readonly Json[] => {
    const all = new Map<string, Json>();
    for (const mount of mounts)
      if (mount.type === kind) all.set(mount.id, { id: mount.id, ...withoutEmpty({ optional: !mount.required }) });
    return [...all.values()];
  };
  return { secrets: named("secret"), ssh: named("ssh") };
}

function sourceOf({ plan }: ExportJob, locations: Json): Json {
  const { filename, text } = plan.dockerfile;
  const infos = [{ filename, language: "Dockerfile", data: Buffer.from(text).toString("base64") }];
  return { locations, infos };
}
