import { parseGitReference } from "#dockerfile";
import { formatReference, parseDigest, parseReference, withDefaultTag } from "#oci";
import { wrapError } from "#errors";
import { gitVertex, localVertex } from "../frontend/mainContext.ts";
import { makeVertex } from "../frontend/vertices.ts";
import type { Vertex } from "../graph/vertex.ts";
import { refused, unsupported } from "./planning.ts";
import type { PlannedOperation, Planning } from "./planning.ts";

const OCTAL = 8;

type Attributes = Readonly<Record<string, string>>;

/** A JSON list of strings in an attribute. */
function listOf(attributes: Attributes, name: string): readonly string[] | undefined {
  const text = attributes[name];
  if (text === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  if (!Array.isArray(value)) throw refused(`invalid ${name}: ${text}`);
  return value.map(String);
}

function numberOf(attributes: Attributes, name: string, radix = 10): number | undefined {
  const text = attributes[name];
  return text === undefined ? undefined : Number.parseInt(text, radix);
}

async function imageVertex(
  { request, host }: Planning,
  { platform, name }: PlannedOperation,
  { text, attributes }: { readonly text: string; readonly attributes: Attributes },
): Promise<Vertex> {
  const reference = withDefaultTag(parseReference(text));
  const asked = attributes["image.resolvemode"];
  const mode = asked === "pull" || asked === "local" ? asked : "default";
  const { session, signal } = request;
  const shown = formatReference(reference);
  const { source } = await host.images
    .resolve(reference, { platform, mode, ociLayout: undefined, session, signal })
    .catch((error: unknown) => {
      throw wrapError(error, `failed to resolve source metadata for ${shown}`);
    });
  return makeVertex({ name: name ?? `docker-image://${shown}`, operation: source });
}

function local(
  { request, host }: Planning,
  { name }: PlannedOperation,
  { text, attributes }: { readonly text: string; readonly attributes: Attributes },
): Vertex {
  const wanted = [
    ...(listOf(attributes, "local.followpaths") ?? []),
    ...(listOf(attributes, "local.includepattern") ?? []),
  ];
  const excludes = listOf(attributes, "local.excludepatterns");
  return localVertex(
    { request, host },
    {
      label: name ?? `local://${text}`,
      directory: text,
      ...(wanted.length === 0 ? {} : { followPaths: wanted }),
      ...(excludes === undefined ? {} : { excludes }),
      ...(attributes["local.sharedkeyhint"] === undefined ? {} : { sharedKey: attributes["local.sharedkeyhint"] }),
    },
  );
}

function git({ name }: PlannedOperation, identifier: string, attributes: Attributes): Vertex {
  const at = identifier.indexOf("#");
  const fragment = at < 0 ? "" : identifier.slice(at);
  // Older clients tell the whole address apart; its fragment is the identifier's.
  const remote = attributes["git.fullurl"] ?? `https://${identifier.slice("git://".length, at < 0 ? undefined : at)}`;
  const address = `${remote.replace(/#.*$/s, "")}${fragment}`;
  const asGit = parseGitReference(address) === undefined ? address.replace(/(?=#|$)/, ".git") : address;
  const vertex = gitVertex(asGit, name ?? identifier, attributes["git.keepgitdir"] === "true");
  if (vertex === undefined) throw refused(`failed to load LLB: invalid git source ${identifier}`);
  return vertex;
}

function http({ name }: PlannedOperation, url: string, attributes: Attributes): Vertex {
  const checksum = attributes["http.checksum"];
  return makeVertex({
    name: name ?? url,
    operation: {
      kind: "http",
      url,
      checksum: checksum === undefined ? undefined : parseDigest(checksum),
      filename: attributes["http.filename"],
      mode: numberOf(attributes, "http.perm", OCTAL),
      uid: numberOf(attributes, "http.uid"),
      gid: numberOf(attributes, "http.gid"),
      unpack: false,
    },
  });
}

/** `docker-image://`, `local://`, `git://`, `http(s)://`. @throws {not_implemented} for others */
export async function sourceVertex(planning: Planning, planned: PlannedOperation): Promise<Vertex> {
  const { identifier = "", attrs: attributes = {} } = planned.operation.source ?? {};
  const [, scheme = "", text = ""] = /^([a-z-]+):\/\/(.*)$/s.exec(identifier) ?? [];
  switch (scheme) {
    case "docker-image":
      return await imageVertex(planning, planned, { text, attributes });
    case "local":
      return local(planning, planned, { text, attributes });
    case "git":
      return git(planned, identifier, attributes);
    case "http":
    case "https":
      return http(planned, identifier, attributes);
    default:
      throw unsupported(`source ${identifier}`);
  }
}
