import { mkdir, symlink } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { startDaemon } from "./daemon.ts";
import { must } from "./process.ts";
import { busyboxRootfs } from "./rootfs.ts";
import type { Member } from "./rootfs.ts";

const TOOLS =
  process.env["VARVE_TEST_TOOLS"] ??
  join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "varve/test-tools");

/** An engine that foreign clients are pointed at. */
export interface ClientEngine extends AsyncDisposable {
  readonly socket: string;
  /** What a client's environment must have to find it, and nothing of the user's own configuration. */
  readonly env: Readonly<Record<string, string>>;
  docker(args: readonly string[], input?: Uint8Array): Promise<string>;
}

/** A DOCKER_CONFIG with the test tools' plugins, and nothing else in it. */
export async function pluginConfig(): Promise<string> {
  const config = join(TOOLS, "config");
  await mkdir(join(config, "cli-plugins"), { recursive: true });
  for (const plugin of ["docker-compose", "docker-buildx"])
    await symlink(join(TOOLS, "bin", plugin), join(config, "cli-plugins", plugin)).catch(() => undefined);
  return config;
}

/**
 * A varve daemon of the test's own; or, with VARVE_CLIENT_SOCKET, the engine there: how a test is tried against
 * dockerd, which must pass it too. A socket that is given is another daemon's of the test.
 */
export async function openClientEngine(
  given: string | undefined = process.env["VARVE_CLIENT_SOCKET"],
): Promise<ClientEngine> {
  const daemon = given === undefined ? await startDaemon() : undefined;
  const socket = daemon?.socket ?? given ?? "";
  const config = await pluginConfig();
  const env = { DOCKER_HOST: `unix://${socket}`, DOCKER_CONFIG: config, TESTCONTAINERS_RYUK_DISABLED: "true" };
  return {
    socket,
    env,
    docker: (args, input) => must("docker", args, { env, ...(input === undefined ? {} : { input }) }),
    [Symbol.asyncDispose]: async () => daemon?.[Symbol.asyncDispose](),
  };
}

/** Imports the busybox root filesystem under a name. */
export async function importBusybox(engine: ClientEngine, name: string, extra: readonly Member[] = []): Promise<void> {
  await engine.docker(["import", "-c", 'CMD ["sleep", "1000"]', "-", name], await busyboxRootfs(extra));
}

/** Where the npm packages of the test tools are: they are no dependencies of varve. */
export function clientsFolder(): string {
  return join(TOOLS, "clients");
}
