import { statSync } from "node:fs";
import type { Stats } from "node:fs";
import { resolve } from "node:path";
import type { Writable } from "node:stream";
import type { LocalBuildLocation } from "#engineapi";
import { parseAnnotations } from "./annotations.ts";
import { terminalOf } from "../core/session.ts";
import type { BuildFlags } from "./buildFlags.ts";
import { checkTag, parseOutput } from "./specs.ts";
import type { OutputSpec } from "./specs.ts";

/** What the daemon is told to export, and where what it sends goes; by position. */
export interface Output {
  readonly request: LocalBuildLocation;
  /** A directory, a file, `-` for standard output; empty: nothing is sent to us. */
  readonly destination: string;
  readonly isDirectory: boolean;
}

function statOf(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}

const isTrue = (text: string | undefined, fallback: boolean): boolean =>
  text === undefined ? fallback : ["1", "t", "true"].includes(text.toLowerCase());

function checkDirectory({ type, destination }: OutputSpec): void {
  if (destination === "") throw new Error(`dest is required for ${type} exporter`);
  if (destination === "-") throw new Error(`dest cannot be stdout for ${type} exporter`);
  if (statOf(destination)?.isDirectory() === false) throw new Error(`destination directory ${destination} is a file`);
}

function checkFile({ type, destination }: OutputSpec, stdout: Writable): void {
  if (destination === "-" && terminalOf(stdout) !== undefined) {
    throw new Error(`dest file is required for ${type} exporter. refusing to write to console`);
  }
  if (destination !== "-" && statOf(destination)?.isDirectory() === true) {
    throw new Error(`destination file ${destination} is a directory`);
  }
}

function toOutput(spec: OutputSpec, stdout: Writable): Output {
  const { type, attributes, destination } = spec;
  const inImageStore = { destination: "", isDirectory: false };
  if (type === "local") {
    checkDirectory(spec);
    return { request: { type, attributes }, destination: resolve(destination), isDirectory: true };
  }
  if (type === "registry") {
    return { request: { type: "moby", attributes: { push: "true", ...attributes } }, ...inImageStore };
  }
  if (type === "image" || (type === "docker" && destination === "")) {
    return { request: { type: "moby", attributes }, ...inImageStore };
  }
  if (type !== "tar" && type !== "oci" && type !== "docker") return { request: { type, attributes }, ...inImageStore };
  const { tar, ...others } = attributes;
  if (type !== "tar" && !isTrue(tar, true)) {
    checkDirectory(spec);
    // An OCI layout as a directory is its tar, unpacked here.
    return { request: { type, attributes: others }, destination: resolve(destination), isDirectory: true };
  }
  const named = { ...spec, destination: destination === "" ? "-" : destination };
  checkFile(named, stdout);
  return { request: { type, attributes: others }, destination: named.destination, isDirectory: false };
}

/** `--push` and `--load` change an output that is there, or add one. */
function withShorthands(specs: readonly OutputSpec[], flags: BuildFlags): readonly OutputSpec[] {
  let list = specs;
  if (flags.push) {
    const at = list.findIndex(({ type }) => type === "image" || type === "registry");
    const push = { type: "image", attributes: { push: "true" }, destination: "" };
    list =
      at < 0
        ? [...list, push]
        : list.map((spec, index) =>
            index === at ? { ...spec, attributes: { ...spec.attributes, push: "true" } } : spec,
          );
  }
  const isLoaded = list.some(({ type, destination }) => type === "docker" && destination === "");
  return flags.load && !isLoaded ? [...list, { type: "docker", attributes: {}, destination: "" }] : list;
}

/** `-o`, `--push`, `--load`, `-t` → exports in order. @throws {Error} in buildx's words */
export function outputsOf(flags: BuildFlags, stdout: Writable): readonly Output[] {
  const specs = withShorthands(flags.output.filter((text) => text !== "").map(parseOutput), flags);
  if (flags.iidfile !== "" && specs.some(({ type }) => type === "local" || type === "tar")) {
    throw new Error("local and tar exporters are incompatible with image ID file");
  }
  const name = flags.tag.map(checkTag).join(",");
  const isStored = specs.length === 0;
  const outputs = (isStored ? [{ type: "image", attributes: {}, destination: "" }] : specs)
    .filter(({ type }) => type !== "cacheonly")
    .map((spec) => toOutput(spec, stdout));
  return outputs.map((output) => {
    const { type, attributes } = output.request;
    if (type === "local" || type === "tar") return output;
    const named = name === "" ? attributes : { ...attributes, name };
    if (isTrue(named["push"], false) && (named["name"] ?? "") === "") {
      throw new Error("tag is needed when pushing to registry");
    }
    return { ...output, request: { type, attributes: withAnnotations(named, flags.annotation) } };
  });
}

/** `--annotation manifest[linux/amd64]:a=b` → `annotation-manifest[linux/amd64].a`. */
function withAnnotations(
  attributes: Readonly<Record<string, string>>,
  annotations: readonly string[],
): Readonly<Record<string, string>> {
  const found = parseAnnotations(annotations).map(({ type, platform, key, value }) => {
    const place = platform === undefined ? type : `${type}[${platform}]`;
    return [place === "" ? `annotation.${key}` : `annotation-${place}.${key}`, value] as const;
  });
  return { ...attributes, ...Object.fromEntries(found) };
}
