import { join } from "node:path";
import { CommandError } from "./commandError.ts";
import { boolFlag, listFlag, stringFlag } from "./flags.ts";
import type { FlagSet } from "./flags.ts";
import type { ParsedFlags } from "./parseFlags.ts";
import type { GlobalFlags } from "./session.ts";

/** Flags before the command; `folder` is where keys are looked for by default. */
export function globalFlags(folder: string): FlagSet {
  const inFolder = (name: string): { readonly shownDefault: string } => ({ shownDefault: join(folder, name) });
  return {
    config: stringFlag(undefined, "Location of client config files", { shownDefault: folder }),
    context: stringFlag(
      "c",
      'Name of the context to use to connect to the daemon (overrides DOCKER_HOST env var and default context set with "docker context use")',
    ),
    debug: boolFlag("D", "Enable debug mode"),
    host: listFlag("H", "Daemon socket to connect to"),
    "log-level": stringFlag("l", 'Set the logging level ("debug", "info", "warn", "error", "fatal")', {
      shownDefault: "info",
    }),
    tls: boolFlag(undefined, "Use TLS; implied by --tlsverify"),
    tlscacert: stringFlag(undefined, "Trust certs signed only by this CA", inFolder("ca.pem")),
    tlscert: stringFlag(undefined, "Path to TLS certificate file", inFolder("cert.pem")),
    tlskey: stringFlag(undefined, "Path to TLS key file", inFolder("key.pem")),
    tlsverify: boolFlag(undefined, "Use TLS and verify the remote"),
    version: boolFlag("v", "Print version information and quit"),
  };
}

const LEVELS: readonly string[] = ["debug", "info", "warn", "error", "fatal", ""];

function oneHost(hosts: unknown): string | undefined {
  if (!Array.isArray(hosts) || hosts.length === 0) return undefined;
  if (hosts.length > 1)
    throw new CommandError("Failed to initialize: unable to resolve docker endpoint: Specify only one -H");
  return String(hosts[0]);
}

/** Parsed global flags → what a session needs. */
export function toGlobalFlags({ values, given }: ParsedFlags): GlobalFlags {
  const level = String(values["log-level"]);
  if (!LEVELS.includes(level)) throw new CommandError(`Unable to parse logging level: ${level}`);
  const text = (name: string): string | undefined => (given.has(name) ? String(values[name]) : undefined);
  const host = oneHost(values["host"]);
  const [config, context] = [text("config"), text("context")];
  const [caFile, certFile, keyFile] = [text("tlscacert"), text("tlscert"), text("tlskey")];
  return {
    debug: values["debug"] === true,
    ...(host === undefined ? {} : { host }),
    ...(config === undefined ? {} : { config }),
    ...(context === undefined ? {} : { context }),
    ...(given.has("tls") ? { tls: values["tls"] === true } : {}),
    ...(given.has("tlsverify") ? { tlsVerify: values["tlsverify"] === true } : {}),
    ...(caFile === undefined ? {} : { caFile }),
    ...(certFile === undefined ? {} : { certFile }),
    ...(keyFile === undefined ? {} : { keyFile }),
  };
}
