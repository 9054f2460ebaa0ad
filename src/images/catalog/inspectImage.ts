import type { ImageInspect } from "#engineapi";
import type { ContainerDefaults, ImageConfig } from "#oci";
import { readConfig } from "../configs.ts";
import type { ImageContext } from "../context.ts";
import { parentOf } from "./imageParent.ts";
import { imageBytes } from "./imageSize.ts";
import type { ImageCatalog } from "../imageService.ts";
import { findForPlatform, findImage } from "../lookup.ts";
import { summarizeManifests, wireDescriptor } from "./manifestSummaries.ts";
import { namesOf, repoDigests, repoTags } from "./names.ts";

/** How Go writes the time that never was. */
const NEVER = "0001-01-01T00:00:00Z";

/** `docker image inspect`, fields and order as dockerd 26 gives them. @throws {not_found} */
export async function inspectImage(
  context: ImageContext,
  name: string,
  options: Parameters<ImageCatalog["inspect"]>[1] = {},
): Promise<ImageInspect> {
  const named = findImage(context, name);
  const image = options.platform === undefined ? named : await findForPlatform(context, name, options.platform);
  const { config } = await readConfig(context.content, image.imageId);
  const names = namesOf(context, named.imageId);
  const { driver } = context.snapshots;
  const data = image.chainId === undefined ? null : { ...(await context.snapshots.graphDriverData(image.chainId)) };
  return {
    Id: image.imageId,
    RepoTags: repoTags(names),
    RepoDigests: repoDigests(names),
    Parent: parentOf(context, config) ?? "",
    Comment: commentOf(config),
    ...(config.created === undefined ? {} : { Created: config.created }),
    DockerVersion: config.docker_version ?? "",
    Author: config.author ?? "",
    Config: config.config === undefined ? null : containerConfig(config.config),
    Architecture: config.architecture,
    ...(config.variant === undefined ? {} : { Variant: config.variant }),
    Os: config.os,
    ...(config["os.version"] === undefined ? {} : { OsVersion: config["os.version"] }),
    Size: imageBytes(context, image.diffIds),
    GraphDriver: { Data: data, Name: driver.name },
    RootFS: image.diffIds.length === 0 ? { Type: "layers" } : { Type: "layers", Layers: image.diffIds },
    Metadata: { LastTagTime: image.lastTaggedAt === undefined ? NEVER : goTime(image.lastTaggedAt) },
    Descriptor: wireDescriptor(
      (options.platform === undefined ? names[0]?.record.target : undefined) ?? image.manifest,
    ),
    ...(options.manifests === true ? { Manifests: await summarizeManifests(context, image) } : {}),
  };
}

/** RFC 3339 as Go writes it: no zeros at the end of the fraction. */
function goTime(time: number): string {
  return new Date(time).toISOString().replace(/\.?0*Z$/, "Z");
}

function commentOf(config: ImageConfig): string {
  return config.comment || config.history?.at(-1)?.comment || "";
}

/** An image's defaults as Docker's container config: every field that Go always writes, the others only when set. */
function containerConfig(config: ContainerDefaults): Readonly<Record<string, unknown>> {
  const optional = <K extends keyof ContainerDefaults>(key: K): Readonly<Record<string, unknown>> =>
    isEmpty(config[key]) ? {} : { [key]: config[key] };
  return {
    Hostname: config.Hostname ?? "",
    Domainname: config.Domainname ?? "",
    User: config.User ?? "",
    AttachStdin: config.AttachStdin ?? false,
    AttachStdout: config.AttachStdout ?? false,
    AttachStderr: config.AttachStderr ?? false,
    ...optional("ExposedPorts"),
    Tty: config.Tty ?? false,
    OpenStdin: config.OpenStdin ?? false,
    StdinOnce: config.StdinOnce ?? false,
    Env: config.Env ?? null,
    Cmd: config.Cmd ?? null,
    ...optional("Healthcheck"),
    ...optional("ArgsEscaped"),
    Image: config.Image ?? "",
    Volumes: config.Volumes ?? null,
    WorkingDir: config.WorkingDir ?? "",
    Entrypoint: config.Entrypoint ?? null,
    OnBuild: config.OnBuild ?? null,
    Labels: config.Labels ?? null,
    ...optional("StopSignal"),
    ...optional("StopTimeout"),
    ...optional("Shell"),
  };
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === "" || value === false) return true;
  return typeof value === "object" && Object.keys(value).length === 0;
}
