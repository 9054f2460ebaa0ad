import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** Debian's docker-registry on a free loopback port. */
export interface TestRegistry extends AsyncDisposable {
  /** `127.0.0.1:40123` */
  readonly address: string;
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

export interface RegistrySettings {
  /** Bcrypt lines: the registry asks for a password. */
  readonly htpasswd?: string;
  /** The `auth` section of its configuration, in place of `htpasswd`. */
  readonly auth?: string;
  /** PEM files: the registry speaks TLS. */
  readonly tls?: { readonly certificate: string; readonly key: string };
}

/** Starts a registry with an empty store. */
export async function startRegistry(options: RegistrySettings = {}): Promise<TestRegistry> {
  const folder = await mkdtemp(join(tmpdir(), "varve-registry-"));
  const address = `127.0.0.1:${await freePort()}`;
  const auth =
    options.htpasswd === undefined
      ? (options.auth ?? "")
      : `auth: {htpasswd: {realm: test, path: ${folder}/htpasswd}}\n`;
  const tls =
    options.tls === undefined ? "" : `, tls: {certificate: ${options.tls.certificate}, key: ${options.tls.key}}`;
  if (options.htpasswd !== undefined) await writeFile(join(folder, "htpasswd"), options.htpasswd);
  await writeFile(
    join(folder, "config.yml"),
    `version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: ${folder}/data}, delete: {enabled: true}}\nhttp: {addr: "${address}"${tls}}\n${auth}`,
  );
  const child = spawn("docker-registry", ["serve", join(folder, "config.yml")], { stdio: "ignore" });
  const failed = once(child, "error").then(([error]) => {
    throw error;
  });
  const ready = async (): Promise<void> => {
    for (let attempt = 0; attempt < 200; attempt += 1) {
      if (
        // Over TLS it answers 400 to plain HTTP: it is up.
        await fetch(`http://${address}/v2/`).then(
          ({ status }) => status === 200 || status === 401 || (options.tls !== undefined && status === 400),
          () => false,
        )
      )
        return;
      await sleep(50);
    }
    throw new Error("docker-registry did not answer");
  };
  await Promise.race([ready(), failed]);
  return {
    address,
    [Symbol.asyncDispose]: async () => {
      const gone = once(child, "exit");
      child.kill("SIGTERM");
      await gone;
      await rm(folder, { recursive: true, force: true });
    },
  };
}
