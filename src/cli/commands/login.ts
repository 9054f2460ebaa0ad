import { text as readAll } from "node:stream/consumers";
import { HUB_SERVER, readCredentials, storeCredentials } from "#client";
import type { RegistryAuth } from "#client";
import { defineCommand } from "../core/command.ts";
import type { Command } from "../core/command.ts";
import { CommandError } from "../core/commandError.ts";
import { boolFlag, stringFlag } from "../core/flags.ts";
import type { Session } from "../core/session.ts";
import { ask } from "../stream/prompt.ts";
import { serverKey } from "./logout.ts";

interface LoginWish {
  readonly server: string;
  readonly username: string;
  readonly password: string;
}

interface AuthAnswer {
  readonly Status?: string;
  readonly IdentityToken?: string;
}

async function authenticate(session: Session, auth: RegistryAuth): Promise<AuthAnswer> {
  return session.client.json<AuthAnswer>({ method: "POST", path: "/auth", json: auth });
}

/** True when what is stored still works. */
async function loginWithStored(session: Session, server: string): Promise<AuthAnswer | undefined> {
  const stored = await readCredentials(session.config, server);
  if (stored.username === undefined && stored.identitytoken === undefined) return undefined;
  session.warn(
    `Authenticating with existing credentials...${stored.username === undefined ? "" : ` [Username: ${stored.username}]`}\n\n` +
      " Info -> To login with a different account, run 'varve logout' followed by 'varve login'\n\n",
  );
  try {
    return await authenticate(session, { ...stored, serveraddress: server });
  } catch {
    // Stored credentials that no longer work are asked for again.
    session.warn("Login did not succeed, error: stored credentials were refused");
    return undefined;
  }
}

async function complete(session: Session, wish: LoginWish): Promise<LoginWish> {
  const username = wish.username === "" ? await ask(session, "Username: ") : wish.username;
  if (username === "") throw new CommandError("Error: Non-null Username Required");
  const password = wish.password === "" ? await ask(session, "Password: ", true) : wish.password;
  if (password === "") throw new CommandError("Error: Password Required");
  return { ...wish, username, password };
}

async function loginAnew(session: Session, wish: LoginWish): Promise<AuthAnswer> {
  const { server, username, password } = await complete(session, wish);
  const answer = await authenticate(session, { username, password, serveraddress: server });
  const token = answer.IdentityToken;
  const kept = token === undefined || token === "" ? { username, password } : { username, identitytoken: token };
  const where = await storeCredentials(session.config, server, { ...kept, serveraddress: server });
  if (where === "plain") {
    session.warn(
      `\nWARNING! Your credentials are stored unencrypted in '${session.config.path}'.\n` +
        "Configure a credential helper to remove this warning. See\nhttps://docs.docker.com/go/credential-store/\n",
    );
  }
  return answer;
}

async function passwordFromStdin(session: Session, username: string): Promise<string> {
  if (username === "") throw new CommandError("the --password-stdin option requires --username to be set");
  return (await readAll(session.stdin)).replace(/\n$/, "").replace(/\r$/, "");
}

/** `varve login`. */
export const login: Command = defineCommand({
  use: "[OPTIONS] [SERVER]",
  short: "Authenticate to a registry",
  long: "Authenticate to a registry.\nDefaults to Docker Hub if no server is specified.",
  examples: `login
login -u me --password-stdin registry.example:5000 < token.txt`,
  args: { min: 0, max: 1 },
  flags: {
    password: stringFlag("p", "Password or Personal Access Token (PAT)"),
    "password-stdin": boolFlag(undefined, "Take the Password or Personal Access Token (PAT) from stdin"),
    username: stringFlag("u", "Username"),
  },
  async run({ session, flags, given, args: [server = ""] }) {
    if (given.has("password")) {
      if (!flags["password-stdin"])
        session.warn("WARNING! Using --password via the CLI is insecure. Use --password-stdin.");
      else throw new CommandError("conflicting options: cannot specify both --password and --password-stdin");
    }
    const password = flags["password-stdin"] ? await passwordFromStdin(session, flags.username) : flags.password;
    const wish = { server: serverKey(server), username: flags.username, password };
    if (wish.server === HUB_SERVER && server !== "" && flags.username === "" && password !== "") {
      throw new CommandError("Error: Non-null Username Required");
    }
    const stored = flags.username === "" && password === "" ? await loginWithStored(session, wish.server) : undefined;
    const answer = stored ?? (await loginAnew(session, wish));
    if (answer.Status !== undefined && answer.Status !== "") session.print(`${answer.Status}\n`);
    return undefined;
  },
});
