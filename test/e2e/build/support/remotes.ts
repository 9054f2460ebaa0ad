import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CONTEXT_TIME, writeContext, type ContextFiles } from "./context.ts";

/** What the server says to a path: a body, or more. */
export type Answer =
  | string
  | Uint8Array
  | {
      readonly body?: string | Uint8Array;
      readonly status?: number;
      readonly headers?: Readonly<Record<string, string>>;
      /** Breaks off behind the body. */
      readonly cut?: boolean;
      /** The body again and again, for as long as somebody reads it. */
      readonly endless?: boolean;
    };

/** A commit of the served repository: files on top of the one before, and the names it gets. */
export interface Commit {
  readonly files: ContextFiles;
  readonly branch?: string;
  readonly tag?: string;
  /** Of an annotated tag. */
  readonly message?: string;
}

export interface Remotes {
  readonly answers?: Readonly<Record<string, Answer>>;
  /** Repositories by name: `/name.git` over HTTP. */
  readonly repositories?: Readonly<Record<string, readonly Commit[]>>;
  /** Value of the Authorization header that repositories want. */
  readonly authorization?: string;
}

/** A server on loopback: files as they are told, repositories by git's own program. */
export interface RemoteServer extends AsyncDisposable {
  /** `127.0.0.1:40123` */
  readonly address: string;
  /** `METHOD path` of what was asked so far. */
  readonly asked: readonly string[];
  /** Commit of a branch or tag. */
  commitOf(repository: string, name: string): string;
}

const IDENTITY = {
  GIT_AUTHOR_NAME: "a",
  GIT_AUTHOR_EMAIL: "a@example",
  GIT_COMMITTER_NAME: "a",
  GIT_COMMITTER_EMAIL: "a@example",
  GIT_AUTHOR_DATE: `${CONTEXT_TIME} +0000`,
  GIT_COMMITTER_DATE: `${CONTEXT_TIME} +0000`,
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_CONFIG_GLOBAL: "/dev/null",
  HOME: "/dev/null",
};

function git(directory: string, args: readonly string[]): string {
  const env = { ...process.env, ...IDENTITY };
  return execFileSync("git", [...args], { cwd: directory, env, stdio: ["ignore", "pipe", "ignore"] }).toString();
}

/** The same commits wherever and whenever it is made. */
function makeRepository(root: string, name: string, commits: readonly Commit[]): void {
  const work = join(root, `${name}.work`);
  mkdirSync(work, { recursive: true });
  git(work, ["-c", "init.defaultBranch=main", "init", "-q"]);
  for (const [index, { files, branch, tag, message }] of commits.entries()) {
    if (branch !== undefined) git(work, ["checkout", "-q", "-b", branch]);
    writeContext(work, files);
    git(work, ["add", "-A"]);
    git(work, ["commit", "-q", "--allow-empty", "-m", `commit ${index}`]);
    if (tag !== undefined) git(work, message === undefined ? ["tag", tag] : ["tag", "-a", "-m", message, tag]);
    if (branch !== undefined) git(work, ["checkout", "-q", "main"]);
  }
  git(root, ["clone", "-q", "--bare", work, `${name}.git`]);
  git(join(root, `${name}.git`), ["config", "uploadpack.allowAnySHA1InWant", "true"]);
}

/** One request to git's own server program. */
function serveGit(root: string, request: IncomingMessage, response: ServerResponse): void {
  const { pathname, searchParams } = new URL(request.url ?? "/", "http://x");
  const child = spawn("git", ["http-backend"], {
    stdio: ["pipe", "pipe", "ignore"],
    env: {
      ...process.env,
      ...IDENTITY,
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: "1",
      GIT_PROTOCOL: String(request.headers["git-protocol"] ?? ""),
      PATH_INFO: decodeURIComponent(pathname),
      QUERY_STRING: searchParams.toString(),
      REQUEST_METHOD: request.method ?? "GET",
      CONTENT_TYPE: request.headers["content-type"] ?? "",
      HTTP_CONTENT_ENCODING: request.headers["content-encoding"] ?? "",
      REMOTE_ADDR: "127.0.0.1",
    },
  });
  child.stdin.on("error", () => undefined);
  request.pipe(child.stdin);
  let head = Buffer.alloc(0);
  child.stdout.on("data", (chunk: Buffer) => {
    if (response.headersSent) {
      response.write(chunk);
      return;
    }
    head = Buffer.concat([head, chunk]);
    const end = head.indexOf("\r\n\r\n");
    if (end < 0) return;
    const fields = head
      .subarray(0, end)
      .toString()
      .split("\r\n")
      .map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim()] as const);
    const status = fields.find(([name]) => name.toLowerCase() === "status")?.[1];
    response.writeHead(Number.parseInt(status ?? "200", 10), Object.fromEntries(fields));
    response.write(head.subarray(end + 4));
  });
  child.once("close", () => response.end());
}

function answer(response: ServerResponse, given: Answer | undefined): void {
  if (given === undefined) {
    response.writeHead(404).end("nothing here\n");
    return;
  }
  const plain = typeof given === "string" || given instanceof Uint8Array ? { body: given } : given;
  const { body = "", status = 200, headers = {}, cut = false, endless = false } = plain;
  response.writeHead(status, headers);
  if (cut) {
    response.write(body, () => response.destroy());
  } else if (endless) {
    const more = (): void => {
      while (!response.destroyed && response.write(body));
    };
    response.on("drain", more);
    more();
  } else response.end(body);
}

/** Serves on a free port of loopback until it is disposed. */
export async function openRemotes({ answers = {}, repositories = {}, authorization }: Remotes): Promise<RemoteServer> {
  const root = mkdtempSync(join(tmpdir(), "varve-build-remotes-"));
  for (const [name, commits] of Object.entries(repositories)) makeRepository(root, name, commits);
  const asked: string[] = [];
  const server = createServer((request, response) => {
    response.on("error", () => undefined);
    const path = request.url ?? "/";
    asked.push(`${request.method} ${path}`);
    if (!/^\/[^/]+\.git\//.test(path)) answer(response, answers[path]);
    else if (authorization !== undefined && request.headers.authorization !== authorization) {
      response.writeHead(401, { "WWW-Authenticate": 'Basic realm="x"' }).end();
    } else serveGit(root, request, response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const place = server.address();
  if (place === null || typeof place === "string") throw new Error("no port");
  return {
    address: `127.0.0.1:${place.port}`,
    asked,
    commitOf: (repository, name) => git(join(root, `${repository}.git`), ["rev-parse", `${name}^{commit}`]).trim(),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
      rmSync(root, { recursive: true, force: true });
    },
  };
}
