/** How the daemon reaches registries; in the file they stand below `proxies`. */
export const PROXY_SETTINGS = {
  httpProxy: { kind: "text", flag: "http-proxy", key: "http-proxy", help: "Proxy for outgoing requests" },
  httpsProxy: { kind: "text", flag: "https-proxy", key: "https-proxy", help: "The same for TLS" },
  noProxy: { kind: "text", flag: "no-proxy", key: "no-proxy", help: "Hosts that are reached without" },
} as const;

const VARIABLES = { httpProxy: "HTTP_PROXY", httpsProxy: "HTTPS_PROXY", noProxy: "NO_PROXY" } as const;

/** The variables that say so, in both spellings: what was given goes before the daemon's own environment. */
export function toProxies(
  given: Readonly<Partial<Record<keyof typeof PROXY_SETTINGS, unknown>>>,
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(VARIABLES).flatMap(([name, variable]) => {
      const value = given[name as keyof typeof VARIABLES];
      if (typeof value !== "string" || value === "") return [];
      return [variable, variable.toLowerCase()].map((spelt) => [spelt, value]);
    }),
  );
}
