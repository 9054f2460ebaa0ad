import { EngineError, ErrorCode, isNotFound } from "#errors";
import type { Filters, PortRow } from "#engineapi";
import type { SandboxSettings } from "#networks";
import type { DiffId, Digest } from "#oci";
import type { MountPoint } from "../mounts/mountPoint.ts";
import type { Container } from "../container.ts";
import { hasPort, portTest } from "./portFilter.ts";

/** An image as far as ancestry goes. */
interface ImageStack {
  readonly imageId: Digest;
  readonly diffIds: readonly DiffId[];
}

/** What filters ask of others. */
export interface FilterContext {
  findContainer(reference: string): Container;
  /** @throws {not_found} */
  findImage(name: string): Promise<ImageStack>;
  portsOf(id: string): readonly PortRow[];
  /** Layers of a container's image, base first. */
  diffIdsOf(imageId: Digest | ""): readonly DiffId[];
  networksOf(containerId: string): SandboxSettings["Networks"];
}

type Test = (container: Container) => boolean;

const HEALTHS = ["none", "starting", "healthy", "unhealthy"];
const STATUSES = ["created", "running", "paused", "restarting", "removing", "exited", "dead"];

function invalid(key: string, value: string): EngineError {
  return new EngineError("invalid_argument", ErrorCode.INVALID_FILTER, `invalid filter '${key}=${value}'`);
}

/** What is no expression matches nothing, as with Docker. */
function compile(pattern: string): RegExp {
  try {
    return new RegExp(pattern);
  } catch {
    return /(?!)/;
  }
}

function idTest(pattern: string): Test {
  const expression = compile(pattern);
  return ({ id }) => expression.test(id);
}

function healthTest(status: string): Test {
  if (!HEALTHS.includes(status)) {
    const message = `unrecognized filter value for health: ${status}`;
    throw new EngineError("invalid_argument", ErrorCode.INVALID_FILTER, message);
  }
  return ({ state }) => (state.health?.Status ?? "none") === status;
}

/** Of services of a swarm: there are none. */
function taskTest(value: string): Test {
  if (["1", "true"].includes(value)) return () => false;
  if (["0", "false"].includes(value)) return () => true;
  throw invalid("is-task", `[${value}]`);
}

function portsTest(key: "publish" | "expose", value: string, context: FilterContext): Test {
  const test = portTest(key, value);
  return ({ id }) => hasPort(context.portsOf(id), key, test);
}

/** Docker matches names as regular expressions, with and without "/". */
function nameTest(pattern: string): Test {
  const expression = compile(pattern);
  return ({ document }) => expression.test(document.name) || expression.test(`/${document.name}`);
}

function labelTest(label: string): Test {
  const [key = "", value] = label.split(/=(.*)/s, 2);
  return ({ document }) => {
    const have = document.config.Labels[key];
    return have !== undefined && (value === undefined || have === value);
  };
}

/** Containers of the image or of one that has all its layers below; an unknown image matches none. */
async function ancestorTest(name: string, context: FilterContext): Promise<Test> {
  let ancestor: ImageStack;
  try {
    ancestor = await context.findImage(name);
  } catch (error) {
    if (isNotFound(error)) return () => false;
    throw error;
  }
  return ({ document }) => {
    if (document.imageId === ancestor.imageId) return true;
    const diffIds = context.diffIdsOf(document.imageId);
    return ancestor.diffIds.every((diffId, index) => diffIds[index] === diffId);
  };
}

function timeTest(reference: string, context: FilterContext, newer: boolean): Test {
  const { created } = context.findContainer(reference).document;
  return ({ document }) => (newer ? document.created > created : document.created < created);
}

function statusTest(status: string): Test {
  if (!STATUSES.includes(status)) throw invalid("status", status);
  return ({ state }) => state.status === status;
}

function exitedTest(code: string): Test {
  if (!/^-?\d+$/.test(code)) {
    const why = `strconv.Atoi: parsing ${JSON.stringify(code)}: invalid syntax`;
    throw new EngineError("invalid_argument", ErrorCode.INVALID_FILTER, `invalid filter 'exited=${code}': ${why}`);
  }
  return ({ state }) => state.status === "exited" && state.exitCode === Number(code);
}

/** By the network's name or its whole id. */
function networkTest(network: string, context: FilterContext): Test {
  return ({ id }) =>
    Object.entries(context.networksOf(id)).some(([name, { NetworkID }]) => name === network || NetworkID === network);
}

/** By a volume's name, a bind's source, or where it is mounted. */
function isMount({ name, source, destination }: MountPoint, wanted: string): boolean {
  return destination === wanted || (name ?? source) === wanted;
}

function makeTest(key: string, value: string, context: FilterContext): Test | Promise<Test> {
  switch (key) {
    case "id":
      return idTest(value);
    case "name":
      return nameTest(value);
    case "label":
      return labelTest(value);
    case "status":
      return statusTest(value);
    case "exited":
      return exitedTest(value);
    case "ancestor":
      return ancestorTest(value, context);
    case "before":
    case "since":
      return timeTest(value, context, key === "since");
    case "network":
      return networkTest(value, context);
    case "health":
      return healthTest(value);
    case "volume":
      return ({ document }) => document.mountPoints.some((point) => isMount(point, value));
    case "publish":
    case "expose":
      return portsTest(key, value, context);
    case "is-task":
      return taskTest(value);
    case "isolation":
      return () => true; // Windows has several
    default:
      throw new EngineError("invalid_argument", ErrorCode.INVALID_FILTER, `invalid filter '${key}'`);
  }
}

/** A state that is asked for by name needs no `-a`. */
export function wantsStopped(filters: Filters): boolean {
  return (filters.get("status")?.length ?? 0) > 0;
}

/**
 * One test for all filters: values of one key are alternatives (labels must all hold), keys must all hold.
 * @throws {invalid_argument} INVALID_FILTER in Docker's words; {not_found} for an unknown container in before and since
 */
export async function compileFilters(filters: Filters, context: FilterContext): Promise<Test> {
  const groups = await Promise.all(
    [...filters]
      .filter(([, values]) => values.length > 0)
      .map(async ([key, values]) => ({
        key,
        tests: await Promise.all(values.map(async (value) => makeTest(key, value, context))),
      })),
  );
  return (container) =>
    groups.every(({ key, tests }) =>
      key === "label" ? tests.every((test) => test(container)) : tests.some((test) => test(container)),
    );
}
