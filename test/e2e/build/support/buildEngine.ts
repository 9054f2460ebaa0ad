import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, symlink as makeSymlink } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { startDaemon } from "../../support/daemon.ts";
import { must, run, type Ran, type RunOptions } from "../../support/process.ts";
import { busyboxRootfs, directory, file, makeTar, symlink } from "../../support/rootfs.ts";
import { baseDirectories, type BaseImage } from "./savedImage.ts";

/** The name that Dockerfiles of the suite write `BASE` for. */
export const BASE_IMAGE = "varve-build-base:1";

const APPLETS = ["chmod", "chown", "cp", "cut", "find", "ln", "mkfifo", "mknod", "mount", "mv", "nc", "od", "printf"];
const MORE = [
  "readlink",
  "rmdir",
  "sed",
  "sha256sum",
  "sort",
  "su",
  "tail",
  "tar",
  "tr",
  "umask",
  "uname",
  "wget",
  "whoami",
];
const PLUGIN_FOLDERS = [
  join(homedir(), ".docker/cli-plugins"),
  "/usr/local/lib/docker/cli-plugins",
  "/usr/local/libexec/docker/cli-plugins",
  "/usr/lib/docker/cli-plugins",
  "/usr/libexec/docker/cli-plugins",
];

/** Where the buildx plugin is; undefined on a machine without it. */
export function buildxPlugin(): string | undefined {
  return PLUGIN_FOLDERS.map((folder) => join(folder, "docker-buildx")).find((path) => existsSync(path));
}

/** An engine that builds, with the base image loaded. */
export interface BuildEngine extends AsyncDisposable {
  readonly base: BaseImage;
  docker(args: readonly string[], options?: RunOptions): Promise<Ran>;
  /** The tar of `docker save`. */
  save(image: string): Promise<Uint8Array>;
}

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

async function baseLayer(): Promise<Buffer> {
  return busyboxRootfs([
    ...[...APPLETS, ...MORE].map((name) => symlink(`bin/${name}`, "busybox")),
    directory("srv/"),
    directory("srv/site/", 0o750),
    file("srv/site/index.html", "<p>base</p>\n"),
    file("srv/site/old.html", "old\n"),
    symlink("srv/current", "site"),
    directory("var/"),
    directory("var/empty/"),
  ]);
}

const BASE_CONFIG = { Env: ["PATH=/bin", "FROM_BASE=yes"], Cmd: ["sh"], Labels: { "base.label": "kept" } };

function baseArchive(layer: Buffer): Buffer {
  const config = Buffer.from(
    JSON.stringify({
      architecture: "amd64",
      os: "linux",
      created: "2024-01-01T00:00:00Z",
      config: BASE_CONFIG,
      rootfs: { type: "layers", diff_ids: [`sha256:${sha256(layer)}`] },
      history: [{ created: "2024-01-01T00:00:00Z", created_by: "base" }],
    }),
  );
  const Config = `${sha256(config)}.json`;
  const path = `${sha256(layer)}.tar`;
  const manifest = JSON.stringify([{ Config, RepoTags: [BASE_IMAGE], Layers: [path] }]);
  return makeTar([file(path, layer), file(Config, config), file("manifest.json", manifest)]);
}

/**
 * A varve daemon of the suite's own; with VARVE_CLIENT_SOCKET the engine behind that socket, which is how the
 * expectations are recorded from dockerd and tried against it.
 */
export async function openBuildEngine(): Promise<BuildEngine> {
  const plugin = buildxPlugin();
  if (plugin === undefined) throw new Error("docker's buildx plugin is not on this machine");
  const given = process.env["VARVE_CLIENT_SOCKET"];
  const daemon = given === undefined ? await startDaemon() : undefined;
  const config = await mkdtemp(join(tmpdir(), "varve-build-config-"));
  await mkdir(join(config, "cli-plugins"));
  await makeSymlink(plugin, join(config, "cli-plugins/docker-buildx"));
  const env = {
    DOCKER_HOST: `unix://${daemon?.socket ?? given ?? ""}`,
    DOCKER_CONFIG: config,
    DOCKER_BUILDKIT: "1",
    DOCKER_CLI_HINTS: "false",
    BUILDX_NO_DEFAULT_ATTESTATIONS: "1",
  };
  const withEnv = (options: RunOptions = {}): RunOptions => ({ ...options, env: { ...env, ...options.env } });
  const layer = await baseLayer();
  await must("docker", ["load"], withEnv({ input: baseArchive(layer) }));
  return {
    base: { diffId: `sha256:${sha256(layer)}`, files: await baseDirectories(layer), config: BASE_CONFIG },
    docker: (args, options) => run("docker", args, withEnv(options)),
    save: async (image) => {
      const path = join(config, "saved.tar");
      await must("docker", ["save", "-o", path, image], withEnv());
      return readFile(path);
    },
    [Symbol.asyncDispose]: async () => {
      await daemon?.[Symbol.asyncDispose]();
      await rm(config, { recursive: true, force: true });
    },
  };
}
