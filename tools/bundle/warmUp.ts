/**
 * Runs a few command lines in the main script of the bundle, against an engine that answers as a daemon would, and keeps what V8
 * compiled for them beside it: without it each start would compile them anew. Arguments: the main script, the other one.
 */
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Script } from "node:vm";
import { cacheOf, ROOT } from "./parts.ts";
import type { BundleScript, MainScript, OtherScript } from "./parts.ts";

const [mainFile = "", otherFile = ""] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), "varve-bundle-"));
const socket = join(folder, "engine.sock");

const VERSION = { Version: "0", ApiVersion: "1.50", MinAPIVersion: "1.24", Os: "linux", Arch: "amd64", Components: [] };
const TIME = "2026-01-01T00:00:00.000000001Z";
const vertex = (id: number, times: object): object => ({
  digest: `sha256:${id}`,
  name: `[${id}/2] RUN true`,
  inputs: [],
  ...times,
});
const BUILD = [
  { build: "1" },
  { status: { vertexes: [vertex(1, { started: TIME })] } },
  { status: { vertexes: [vertex(1, { started: TIME, completed: TIME })] } },
  { status: { vertexes: [vertex(2, { started: TIME, completed: TIME, cached: true })] } },
  { status: { statuses: [{ id: "s", vertex: "sha256:2", current: 0, total: 0, started: TIME, completed: TIME }] } },
  { result: { "containerimage.digest": "sha256:1", "containerimage.config.digest": "sha256:1" } },
];

function answer(request: IncomingMessage, response: ServerResponse): void {
  response.setHeader("Api-Version", VERSION.ApiVersion);
  const path = (request.url ?? "").replace(/^\/v[0-9.]+/, "");
  if (path === "/_ping") response.setHeader("Content-Length", 0).end();
  else if (path === "/version") response.end(JSON.stringify(VERSION));
  else if (path === "/varve/v1/build") response.end(BUILD.map((line) => `${JSON.stringify(line)}\n`).join(""));
  else if (path.startsWith("/containers/create")) response.writeHead(201).end('{"Id":"c","Warnings":[]}');
  else if (path === "/containers/c/exec") response.writeHead(201).end('{"Id":"e"}');
  else if (path === "/exec/e/json") response.end('{"ID":"e","Running":false,"ExitCode":0,"Pid":1}');
  else if (path === "/containers/c/json") response.end("{}");
  else if (path === "/containers/c/start") response.writeHead(204).end();
  else if (path.startsWith("/containers/c/wait")) response.end('{"StatusCode":0}');
  else if (path.startsWith("/images/json") || path.startsWith("/containers/json")) response.end("[]");
  else response.writeHead(404, { "Content-Type": "application/json" }).end('{"message":"No such container: c"}');
}

/** A container that says `x` and ends. */
function attach(_request: IncomingMessage, stream: Duplex): void {
  const head = "HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.multiplexed-stream";
  stream.write(`${head}\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n`);
  stream.end(Buffer.from([1, 0, 0, 0, 0, 0, 0, 1, 0x78]));
}

function compile<T>(file: string): { readonly script: BundleScript<T>; readonly keep: () => void } {
  const compiled = new Script(readFileSync(file, "latin1"), { filename: file });
  const script = compiled.runInThisContext() as BundleScript<T>;
  return { script, keep: () => writeFileSync(cacheOf(file), compiled.createCachedData()) };
}

const LINES = [
  ["version"],
  ["build", "-t", "image", folder],
  ["images"],
  ["ps"],
  ["exec", "c", "true"],
  ["exec", "gone", "true"],
  ["run", "--rm", "c", "true"],
  ["run", "-d", "c", "true"],
  ["rm", "-f", "c"],
];

async function warmUp(): Promise<void> {
  const main = compile<MainScript>(mainFile);
  const program = main.script.open(ROOT, (_part, bundled) => bundled?.() ?? Promise.resolve());
  writeFileSync(join(folder, "Dockerfile"), "FROM scratch\n");
  for (const line of LINES) await program.runProgram(["--config", folder, "-H", `unix://${socket}`, ...line]);
  main.keep();
  const other = compile<OtherScript>(otherFile);
  const { parts } = other.script.open(ROOT, (_part, bundled) => bundled?.() ?? Promise.resolve());
  for (const load of Object.values(parts)) await load();
  other.keep();
}

const server = createServer(answer).on("upgrade", attach).listen(socket);
const write = process.stderr.write.bind(process.stderr);
process.stderr.write = () => true;
try {
  await warmUp();
} finally {
  process.stderr.write = write;
  server.closeAllConnections();
  server.close();
  rmSync(folder, { recursive: true, force: true });
}
process.exitCode = 0;
