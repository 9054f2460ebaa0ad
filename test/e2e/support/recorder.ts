import { createServer } from "node:http";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** One request as a client sent it; `body` is parsed JSON, or the text itself. */
export interface Recorded {
  readonly method: string;
  /** Without the API version, e.g. `/containers/create`. */
  readonly path: string;
  readonly query: Readonly<Record<string, readonly string[]>>;
  readonly body: unknown;
}

/** An engine that only listens: it answers pings and refuses everything else after writing it down. */
export interface Recorder extends AsyncDisposable {
  readonly socket: string;
  /** What came since the last call, pings left out. */
  take(): readonly Recorded[];
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** What to answer a request with; undefined: the refusal. */
export type Answer = (request: Recorded) => { readonly status: number; readonly body: unknown } | undefined;

/** Listens on a unix socket; `apiVersion` is what the ping tells. */
export async function startRecorder(apiVersion: string, answer: Answer = () => undefined): Promise<Recorder> {
  const folder = await mkdtemp(join(tmpdir(), "varve-recorder-"));
  const socket = join(folder, "engine.sock");
  let seen: Recorded[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const url = new URL(request.url ?? "/", "http://recorder");
      response.setHeader("Api-Version", apiVersion);
      response.setHeader("Ostype", "linux");
      if (url.pathname.endsWith("/_ping")) return void response.end("OK");
      const query: Record<string, readonly string[]> = {};
      for (const key of url.searchParams.keys()) query[key] = url.searchParams.getAll(key);
      const path = url.pathname.replace(/^\/v\d+\.\d+/, "");
      const body = parsed(Buffer.concat(chunks).toString("utf8"));
      const recorded: Recorded = { method: request.method ?? "", path, query, body };
      seen.push(recorded);
      const given = answer(recorded) ?? { status: 500, body: { message: "recorded" } };
      response.writeHead(given.status, { "Content-Type": "application/json", Connection: "close" });
      response.end(`${JSON.stringify(given.body)}\n`);
    });
  });
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  return {
    socket,
    take: () => {
      const taken = seen;
      seen = [];
      return taken;
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
