import { readCredentials } from "#client";
import { writeTarStream } from "#tar";
import type { Session } from "../core/session.ts";
import type { CreateBody } from "../options/createBody.ts";

const CONFIG_FOLDER = "run/secrets/docker";
const OWNER_ONLY = 0o600;

interface SharedSocket {
  readonly body: CreateBody;
  /** config.json for the container; undefined when there is nothing to hand over. */
  readonly credentials: string | undefined;
}

async function allCredentials(session: Session): Promise<Readonly<Record<string, unknown>>> {
  const { config } = session;
  const servers = [...Object.keys(config.auths), ...Object.keys(config.credHelpers)];
  const auths: Record<string, unknown> = {};
  for (const server of new Set(servers)) {
    const { username, password, identitytoken } = await readCredentials(config, server);
    if (username === undefined && identitytoken === undefined) continue;
    const auth = Buffer.from(`${username ?? ""}:${password ?? ""}`).toString("base64");
    auths[server] = { auth, ...(identitytoken === undefined ? {} : { identitytoken }) };
  }
  return auths;
}

/** `--use-api-socket`: the engine's socket and the registries' credentials inside. @throws {Error} for a remote engine. */
export async function withApiSocket(session: Session, body: CreateBody): Promise<SharedSocket> {
  const { host } = session.chosen;
  if (host.kind !== "unix") {
    throw new Error(
      `flag --use-api-socket can only be used with unix sockets: docker endpoint ${host.address} incompatible`,
    );
  }
  const own = body.HostConfig["Mounts"];
  const socket = { Type: "bind", Source: host.socketPath, Target: "/var/run/docker.sock", BindOptions: {} };
  const HostConfig = { ...body.HostConfig, Mounts: [...(Array.isArray(own) ? own : []), socket] };
  const env = Array.isArray(body["Env"]) ? body["Env"].map(String) : [];
  if (env.some((variable) => variable.startsWith("DOCKER_CONFIG="))) {
    return { body: { ...body, HostConfig }, credentials: undefined };
  }
  const auths = await allCredentials(session);
  if (Object.keys(auths).length === 0) return { body: { ...body, HostConfig }, credentials: undefined };
  return {
    body: { ...body, HostConfig, Env: [...env, `DOCKER_CONFIG=/${CONFIG_FOLDER}`] },
    credentials: JSON.stringify({ auths }, undefined, "\t"),
  };
}

/** Puts config.json into a container that was just created. */
export async function injectCredentials(session: Session, id: string, text: string): Promise<void> {
  const body = Buffer.from(text);
  const path = `${CONFIG_FOLDER}/config.json`;
  const header = { type: "file", path, mode: OWNER_ONLY, size: body.byteLength } as const;
  await session.client.text({
    method: "PUT",
    path: `/containers/${id}/archive`,
    query: { path: "/" },
    upload: writeTarStream([{ header, body: [body] }]),
  });
}
