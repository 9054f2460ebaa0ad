import type { ConfigFile } from "#client";

const VARIABLES: Readonly<Record<string, string>> = {
  httpProxy: "HTTP_PROXY",
  httpsProxy: "HTTPS_PROXY",
  noProxy: "NO_PROXY",
  ftpProxy: "FTP_PROXY",
  allProxy: "ALL_PROXY",
};

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? Object.fromEntries(Object.entries(value)) : {};
}

/** `proxies` of config.json for the engine at this address (else `default`) as variables in both spellings. */
export function proxyVariables(config: ConfigFile, address: string): Readonly<Record<string, string>> {
  const proxies = record(config.raw["proxies"]);
  const own = record(proxies[address] ?? proxies["default"]);
  const variables: Record<string, string> = {};
  for (const [key, name] of Object.entries(VARIABLES)) {
    const value = own[key];
    if (typeof value !== "string" || value === "") continue;
    variables[name] = value;
    variables[name.toLowerCase()] = value;
  }
  return variables;
}
