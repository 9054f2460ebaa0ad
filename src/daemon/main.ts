/**
 * `varve daemon`: flags and configuration file → engine → listeners; runs until SIGTERM or SIGINT. Exit 0 after a clean
 * stop, 1 with one line when it cannot start.
 */
import { mkdir, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { createApiServer } from "#api";
import type { ApiServer } from "#api";
import type { Buildkit } from "#buildkit";
import { createEngine, VERSION } from "#engine";
import type { Engine, EngineConfig } from "#engine";
import { ErrorCode, findEngineError, hasCode, messageOf } from "#errors";
import { createBuilder } from "./builder.ts";
import { withConfigFile } from "./configFile.ts";
import { helpText, parseFlags } from "./flags.ts";
import { listenAll } from "./listen.ts";
import { createLog } from "./log.ts";
import { toDaemonOptions } from "./options.ts";
import type { DaemonOptions } from "./options.ts";
import { surviveErrors } from "./surviveErrors.ts";
import { untilSignal } from "./signals.ts";

const MAX_TIMER_MS = 2 ** 31 - 1;

function listen(
  engine: Engine,
  buildkit: Buildkit | undefined,
  options: Pick<DaemonOptions, "hosts" | "group" | "tls"> & Pick<EngineConfig, "log">,
): Promise<readonly ApiServer[]> {
  const { hosts, group, tls, log } = options;
  const makeServer: Parameters<typeof listenAll>[1] = (context) =>
    createApiServer(engine.backends, {
      serverHeader: `varve/${VERSION} (linux)`,
      onFailure: (request, error) => log("error", `${request}: ${messageOf(error)}`),
      buildkit,
      tls: context,
    });
  const onError = (error: unknown): void => log("error", `accept: ${messageOf(error)}`);
  return listenAll(hosts, makeServer, { group, tls, onError });
}

async function run(options: DaemonOptions): Promise<void> {
  const log = createLog(options.logLevel);
  surviveErrors(log);
  const {
    registryMirrors,
    insecureRegistries,
    mirrorsByHost,
    hosts,
    group,
    tls,
    pidFile,
    logLevel: _level,
    notes,
    proxies,
    ...rest
  } = options;
  Object.assign(process.env, proxies);
  const engine: Engine = await createEngine({
    ...rest,
    registries: { registryMirrors, insecureRegistries, mirrorsByHost },
    log,
  });
  for (const note of notes) log("warn", note);
  let ownsPidFile = false;
  try {
    const buildkit = await createBuilder(engine, log);
    const servers = await listen(engine, buildkit, { hosts, group, tls, log });
    await mkdir(dirname(pidFile), { recursive: true });
    await writeFile(pidFile, String(process.pid));
    ownsPidFile = true;
    log(
      "info",
      `varve ${VERSION} is ready: ${hosts.join(", ")}, data root ${options.dataRoot}, storage driver ${engine.storageDriver}`,
    );
    const signal = await untilSignal();
    log("info", `${signal}: stopping`);
    buildkit?.close();
    for (const server of servers) {
      server.close();
      server.closeAllConnections();
    }
  } finally {
    await engine.close();
    // Not ours when another daemon answers on our socket: the file is its own.
    if (ownsPidFile) await rm(pidFile, { force: true });
  }
  log("info", "stopped");
}

async function main(): Promise<number> {
  try {
    const flags = parseFlags(process.argv.slice(2));
    if (flags.help === true) {
      process.stdout.write(helpText());
      return 0;
    }
    if (flags.version === true) {
      process.stdout.write(`varve version ${VERSION}\n`);
      return 0;
    }
    await run(toDaemonOptions(await withConfigFile(flags)));
    return 0;
  } catch (error) {
    const hint = findEngineError(error)?.hint;
    const prefix = hasCode(error, ErrorCode.INVALID_FLAG) ? "" : "failed to start daemon: ";
    process.stderr.write(`${prefix}${messageOf(error)}${hint === undefined ? "" : `\n${hint}`}\n`);
    if (findEngineError(error) === undefined && error instanceof Error) process.stderr.write(`${error.stack ?? ""}\n`);
    return 1;
  }
}

// Nothing that opening or closing waits for (a process's end, say) holds the event loop by itself.
setInterval(() => undefined, MAX_TIMER_MS);
process.exitCode = await main();
// Workers and keep-alive sockets must not hold a daemon that has stopped.
process.exit();
