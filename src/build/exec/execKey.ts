import type { Digest } from "#oci";
import { digestOf } from "#oci";
import type { KeyInputs, Step } from "../graph/handler.ts";
import type { ExecMount, ExecOperation, Filesystem } from "../graph/operation.ts";

/** Tells what is at a path of a result, whenever it was made: for steps that see it. */
export type ContentDigest = (filesystem: Filesystem, path: string, signal: AbortSignal) => Promise<Digest>;

function environmentOf(variables: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    variables.map((variable) => {
      const at = variable.indexOf("=");
      return [`env ${variable.slice(0, at)}`, variable.slice(at + 1)];
    }),
  );
}

/** What of a mount shapes the result besides the content of its input. */
function shapeOf(mount: ExecMount): string {
  const { target: _target, ...rest } = mount;
  const { input: _input, ...shape } = { input: undefined, ...rest };
  return JSON.stringify(shape, Object.keys(shape).sort());
}

async function mountValues(step: Step<ExecOperation>, contentDigest: ContentDigest): Promise<Record<string, string>> {
  const values: Record<string, string> = {};
  for (const [index, mount] of step.operation.mounts.entries()) {
    const name = `mount ${mount.target ?? index}`;
    values[name] = shapeOf(mount);
    const input = mount.type === "bind" || mount.type === "cache" ? mount.input : undefined;
    const filesystem = input === undefined ? undefined : step.inputs[input];
    if (filesystem === undefined || !("source" in mount)) continue;
    values[`${name} content`] =
      mount.type === "cache" && filesystem.kind === "layers"
        ? digestOf(filesystem.diffIds.join("\n"))
        : await contentDigest(filesystem, mount.source, step.signal);
  }
  return values;
}

/** All that the result of a command depends on, by name. Limits and proxies are none of it. */
export async function execKey(step: Step<ExecOperation>, contentDigest: ContentDigest): Promise<KeyInputs> {
  const { operation } = step;
  const [base] = step.inputs;
  const { platform } = operation;
  return {
    values: {
      command: JSON.stringify(operation.arguments),
      ...environmentOf(operation.environment),
      "working directory": operation.workingDirectory,
      user: operation.user,
      network: operation.network,
      security: operation.security,
      platform: [platform.os, platform.architecture, platform.variant ?? ""].join("/"),
      ...(operation.hostname === undefined ? {} : { hostname: operation.hostname }),
      ...(operation.extraHosts.length === 0 ? {} : { hosts: operation.extraHosts.join(" ") }),
      ...(operation.stdin === undefined ? {} : { input: digestOf(operation.stdin) }),
      ...(operation.validExitCodes === undefined ? {} : { "exit codes": operation.validExitCodes.join(" ") }),
      ...(await mountValues(step, contentDigest)),
      base: base?.kind === "layers" ? digestOf(base.diffIds.join("\n")) : "",
    },
  };
}
