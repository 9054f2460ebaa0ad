/**
 * Runs a few command lines in the bundle that is named, against an engine that answers as a daemon would, and keeps what V8 compiled
 * for them beside it: without it each start would compile them anew.
 */
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Script } from "node:vm";
import { ROOT } from "./parts.ts";
import type { BundleScript } from "./parts.ts";

const file = process.argv[2] ?? "";
const folder = mkdtempSync(join(tmpdir(), "varve-bundle-"));
const socket = join(folder, "engine.sock");

const VERSION = { Version: "0", ApiVersion: "1.50", MinAPIVersion: "1.24", Os: "linux", Arch: "amd64", Components: [] };
const vertex = {
  digest: "sha256:1",
  name: "[1/1] FROM scratch",
  started: "2026-01-01T00:00:00Z",
  completed: "2026-01-01T00:00:00Z",
  cached: true,
  inputs: [],
};
const BUILD = [
  { build: "1" },
  { status: { vertexes: [vertex], statuses: [], logs: [], warnings: [] } },
  { result: { "containerimage.digest": "sha256:1", "containerimage.config.digest": "sha256:1" } },
];

function answer(request: IncomingMessage, response: ServerResponse): void {
  response.setHeader("Api-Version", VERSION.ApiVersion);
  const path = (request.url ?? "").replace(/^\/v[0-9.]+/, "");
  if (path === "/_ping") response.end(request.method === "HEAD" ? undefined : "OK");
  else if (path === "/version") response.end(JSON.stringify(VERSION));
  else if (path === "/varve/v1/build") response.end(BUILD.map((line) => `${JSON.stringify(line)}\n`).join(""));
  else if (path.startsWith("/images/json") || path.startsWith("/containers/json")) response.end("[]");
  else response.writeHead(404, { "Content-Type": "application/json" }).end('{"message":"No such container: c"}');
}

const server = createServer(answer).listen(socket);
const script = new Script(readFileSync(file, "latin1"), { filename: file });
const { open } = script.runInThisContext() as BundleScript;
const program = open(ROOT, (_part, bundled) => bundled());
writeFileSync(join(folder, "Dockerfile"), "FROM scratch\n");
const lines = [
  ["version"],
  ["build", "-t", "image", folder],
  ["images"],
  ["ps"],
  ["exec", "c", "true"],
  ["rm", "-f", "c"],
];
const write = process.stderr.write.bind(process.stderr);
process.stderr.write = () => true;
for (const line of lines) await program.runProgram(["-H", `unix://${socket}`, ...line]);
process.stderr.write = write;
writeFileSync(`${file}.${process.version}-${process.arch}.cache`, script.createCachedData());
server.closeAllConnections();
server.close();
rmSync(folder, { recursive: true, force: true });
process.exitCode = 0;
