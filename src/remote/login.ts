import { EngineError, ErrorCode } from "#errors";
import { requestLine } from "./networkError.ts";
import type { RegistryCredentials } from "./registryClient.ts";
import { pathOn } from "./registryHost.ts";
import type { HostFacts, RegistryHost } from "./registryHost.ts";
import { registryError } from "./registryError.ts";
import { sendFollowing } from "./redirects.ts";
import { withRetries } from "./retry.ts";
import type { Timeouts } from "./timeouts.ts";
import { basicHeaders, whileRequesting } from "./tokens.ts";
import type { Token, TokenStore } from "./tokens.ts";
import type { Transport } from "./transport.ts";

/** What a login needs. */
export interface LoginParts {
  readonly transport: Transport;
  readonly tokens: TokenStore;
  readonly timeouts: Timeouts;
  readonly host: RegistryHost;
  readonly signal: AbortSignal | undefined;
}

/** Asks `/v2/` with the credentials, in the way the registry wants them. @throws {unauthenticated} in Docker's words. */
export async function login(
  parts: LoginParts,
  credentials: RegistryCredentials,
): Promise<{ readonly identityToken?: string }> {
  const { host, transport, signal } = parts;
  const facts = await host.facts(signal);
  const url = pathOn(facts.base, "/v2/");
  const token = await tokenFor(parts, facts, credentials).catch((error: unknown) =>
    Promise.reject(whileRequesting(requestLine({ method: "GET", url }), error)),
  );
  const headers =
    token === undefined
      ? basicHeaders(credentials.username, credentials.password)
      : { Authorization: `Bearer ${token.bearer}` };
  const { isInsecure } = host.endpoint;
  const response = await withRetries(
    () => sendFollowing(transport, { method: "GET", url, headers, signal, isInsecure }),
    { signal, firstDelayMs: parts.timeouts.retryMs },
  );
  if (response.status === 401) {
    response.discard();
    throw refused(url, response.statusLine);
  }
  if (response.status >= 400) throw await registryError(response);
  response.discard();
  return token?.identityToken === undefined ? {} : { identityToken: token.identityToken };
}

async function tokenFor(
  parts: LoginParts,
  facts: HostFacts,
  credentials: RegistryCredentials,
): Promise<Token | undefined> {
  const challenge = facts.challenges.find(({ scheme }) => scheme === "bearer");
  if (challenge === undefined) return undefined;
  const request = {
    challenge,
    scopes: [],
    credentials,
    registry: facts.base,
    isInsecure: parts.host.endpoint.isInsecure,
    isLogin: true,
    signal: parts.signal,
  };
  parts.tokens.forget(request); // a login must not be answered from memory
  return await parts.tokens.token(request);
}

function refused(url: URL, statusLine: string): EngineError {
  return new EngineError(
    "unauthenticated",
    ErrorCode.AUTH_REQUIRED,
    `login attempt to ${url.href} failed with status: ${statusLine}`,
  );
}
