import { readFileSync } from "node:fs";

function readVersion(): string {
  const value: unknown = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  return typeof value === "object" && value !== null && "version" in value && typeof value.version === "string"
    ? value.version
    : "0.0.0";
}

/** This varve's version, e.g. `0.1.0`. */
export const VERSION: string = readVersion();
