import { HUB_SERVER, readCredentials } from "#client";
import type { LocalBuildAsk, LocalDirectory, SolveStatus } from "#engineapi";
import { messageOf } from "#errors";
import { digestOf } from "#oci";
import type { Session } from "../core/session.ts";
import type { ContextSource } from "./contextSource.ts";
import type { Output } from "./outputs.ts";
import type { Secrets, SshAgents } from "./secrets.ts";

const HUB_HOSTS = ["docker.io", "index.docker.io", "registry-1.docker.io"];
const ASK_PATH = "/varve/v1/build/ask";

export interface AnswerParts {
  readonly session: Session;
  readonly source: ContextSource;
  readonly directories: Readonly<Record<string, LocalDirectory>>;
  readonly secrets: Secrets;
  readonly agents: SshAgents;
  readonly outputs: readonly Output[];
  /** Content stores that are offered: name → OCI layout on disk. */
  readonly stores: ReadonlyMap<string, string>;
}

/** Answers what the daemon asks in the course of a build. What few builds need is loaded when it is asked for. */
export class Answers {
  readonly #parts: AnswerParts;
  readonly #running = new Set<Promise<void>>();
  #failure: unknown;
  /** Name of the build, once it is told. */
  build = "";
  /** Told of steps that are ours: what leaves this machine is shown. */
  onStep: (status: SolveStatus) => void = () => undefined;

  constructor(parts: AnswerParts) {
    this.#parts = parts;
  }

  take(ask: LocalBuildAsk): void {
    const running = this.#answer(ask).catch(async (error: unknown) => {
      this.#failure ??= error;
      // The daemon waits for an answer; that it got one already is possible.
      await this.#refuse(ask, messageOf(error)).catch(() => undefined);
    });
    this.#running.add(running);
    void running.finally(() => this.#running.delete(running));
  }

  /** When all that was asked is done. @throws what went wrong here first */
  async settle(): Promise<void> {
    await Promise.all(this.#running);
    if (this.#failure !== undefined) throw this.#failure;
  }

  async #answer(ask: LocalBuildAsk): Promise<void> {
    const { source, outputs, session } = this.#parts;
    switch (ask.kind) {
      case "directory":
        return this.#send(ask, this.#directory(ask));
      case "upload":
        return source.upload === undefined ? this.#refuse(ask, "no context is sent") : this.#send(ask, source.upload);
      case "secret":
        return this.#secret(ask);
      case "credentials":
        return this.#send(ask, [Buffer.from(JSON.stringify(await this.#credentials(ask.host)))]);
      case "ssh":
        return this.#ssh(ask);
      case "blobInfo": {
        const { blobSize } = await import("./ociLayout.ts");
        const size = blobSize(this.#store(ask.store), ask.digest);
        if (size === undefined) return this.#refuse(ask, `content ${ask.digest}: not found`);
        return this.#send(ask, [Buffer.from(JSON.stringify({ size }))]);
      }
      case "blobRead": {
        const { readBlob } = await import("./ociLayout.ts");
        return this.#send(ask, readBlob(this.#store(ask.store), ask.digest, ask));
      }
      case "blobWrite": {
        const { writeBlob } = await import("./ociLayout.ts");
        const { body } = await session.client.open({ path: ASK_PATH, query: this.#query(ask) });
        return writeBlob(this.#store(ask.store), ask.digest, body);
      }
      case "tar":
      case "tree": {
        const output = outputs[ask.index];
        if (output === undefined) throw new Error(`the daemon sends an output that nobody asked for: ${ask.index}`);
        const { body } = await session.client.open({ path: ASK_PATH, query: this.#query(ask) });
        const { writeOutput } = await import("./writeOutput.ts");
        await writeOutput(output, body, session.stdout);
      }
    }
  }

  async *#directory(ask: Extract<LocalBuildAsk, { kind: "directory" }>): AsyncGenerator<Uint8Array> {
    const { directoryTar, emptyTar, singleFileTar } = await import("./directoryTar.ts");
    const { source, directories } = this.#parts;
    const directory = directories[ask.name];
    if (ask.name === "dockerfile" && source.inlineDockerfile !== undefined) {
      yield* singleFileTar("Dockerfile", source.inlineDockerfile);
      return;
    }
    yield* directory === undefined || directory.device === "" ? emptyTar() : directoryTar(directory.path, ask);
  }

  #store(name: string): string {
    const path = this.#parts.stores.get(name);
    if (path === undefined) throw new Error(`content store ${JSON.stringify(name)} is not offered`);
    return path;
  }

  async #secret(ask: Extract<LocalBuildAsk, { kind: "secret" }>): Promise<void> {
    const bytes = await this.#parts.secrets.read(ask.secret);
    await (bytes === undefined ? this.#refuse(ask, `secret ${ask.secret}: not found`) : this.#send(ask, [bytes]));
  }

  async #credentials(host: string): Promise<object> {
    const started = new Date().toISOString();
    const server = HUB_HOSTS.includes(host) ? HUB_SERVER : host;
    const found = await readCredentials(this.#parts.session.config, server);
    if (Object.keys(found).length === 0) return found;
    const name = `[auth] sharing credentials for ${host}`;
    const completed = new Date().toISOString();
    this.onStep({ vertexes: [{ digest: digestOf(name), name, started, completed }] });
    return found;
  }

  async #ssh(ask: Extract<LocalBuildAsk, { kind: "ssh" }>): Promise<void> {
    const agent = this.#parts.agents.connect(ask.agent);
    if (agent === undefined) {
      await this.#refuse(ask, `unset ssh forward key ${ask.agent}`);
      return;
    }
    const { stream } = await this.#parts.session.client.hijack({
      method: "POST",
      path: ASK_PATH,
      query: this.#query(ask),
    });
    // Either end may go first; what is left over is nobody's.
    agent.on("error", () => stream.destroy()).on("close", () => stream.destroy());
    stream.on("error", () => agent.destroy()).on("close", () => agent.destroy());
    agent.pipe(stream).pipe(agent);
  }

  async #send(ask: LocalBuildAsk, bytes: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<void> {
    const upload = (async function* (): AsyncGenerator<Uint8Array> {
      yield* bytes;
    })();
    await this.#parts.session.client.text({ method: "POST", path: ASK_PATH, query: this.#query(ask), upload });
  }

  async #refuse(ask: LocalBuildAsk, error: string): Promise<void> {
    await this.#parts.session.client.text({ method: "POST", path: ASK_PATH, query: { ...this.#query(ask), error } });
  }

  #query({ id }: LocalBuildAsk): Readonly<Record<string, string | number>> {
    return { build: this.build, ask: id };
  }
}
