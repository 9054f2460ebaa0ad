import { randomUUID } from "node:crypto";
import { mkdir, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { pipeline } from "node:stream";
import { isNotFound } from "#errors";
import type { BuildSession } from "../session.ts";
import type { GitAccess } from "./gitProgram.ts";

const SSH = /^(?:ssh:\/\/|[^/:@\s]+@[^/:\s]+:)/;
/** GitHub and GitLab take any user beside a token. */
const TOKEN_USER = "x-access-token";

/**
 * What the client lends for a remote: a token of its secrets, its ssh agent. Disposing takes it back.
 * @throws {not_found} what a session says of an agent that is not there
 */
export async function openGitAccess(
  remote: string,
  session: BuildSession,
  { folder, signal }: { readonly folder: string; readonly signal: AbortSignal },
): Promise<GitAccess & AsyncDisposable> {
  if (SSH.test(remote)) return await withAgent(session, folder, signal);
  return {
    arguments: await authorization(remote, session),
    agentSocket: undefined,
    signal,
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

async function authorization(remote: string, session: BuildSession): Promise<readonly string[]> {
  if (!/^https?:/.test(remote)) return [];
  const { host, origin } = new URL(remote);
  const header =
    (await firstSecret(session, [`GIT_AUTH_HEADER.${host}`, "GIT_AUTH_HEADER"])) ??
    asBasic(await firstSecret(session, [`GIT_AUTH_TOKEN.${host}`, "GIT_AUTH_TOKEN"]));
  return header === undefined ? [] : ["-c", `http.${origin}/.extraheader=Authorization: ${header}`];
}

function asBasic(token: string | undefined): string | undefined {
  return token === undefined ? undefined : `basic ${Buffer.from(`${TOKEN_USER}:${token}`).toString("base64")}`;
}

async function firstSecret(session: BuildSession, ids: readonly string[]): Promise<string | undefined> {
  for (const id of ids) {
    try {
      return Buffer.from(await session.secret(id))
        .toString("utf8")
        .trim();
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
  return undefined;
}

async function withAgent(
  session: BuildSession,
  folder: string,
  signal: AbortSignal,
): Promise<GitAccess & AsyncDisposable> {
  // Whoever has no agent to lend hears it from the client, not from ssh.
  (await session.connectSshAgent("default")).destroy();
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const agentSocket = join(folder, `agent-${randomUUID().slice(0, 8)}`);
  const server = createServer((socket) => {
    session.connectSshAgent("default").then(
      (agent) => {
        pipeline(socket, agent, () => undefined);
        pipeline(agent, socket, () => undefined);
      },
      () => socket.destroy(), // ssh says that it has no key
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(agentSocket, resolve);
  });
  return {
    arguments: [],
    agentSocket,
    signal,
    async [Symbol.asyncDispose]() {
      server.close();
      await rm(agentSocket, { force: true });
    },
  };
}
