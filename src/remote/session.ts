import { EngineError, ErrorCode, findEngineError, wrapError } from "#errors";
import type { Challenge } from "./challenge.ts";
import { parseChallenges } from "./challenge.ts";
import type { HttpResponse } from "./httpResponse.ts";
import { requestLine } from "./networkError.ts";
import { sendFollowing } from "./redirects.ts";
import type { RegistryCredentials } from "./registryClient.ts";
import { registryError } from "./registryError.ts";
import { pathOn } from "./registryHost.ts";
import type { RegistryHost } from "./registryHost.ts";
import { withRetries } from "./retry.ts";
import type { Scope } from "./scope.ts";
import type { Timeouts } from "./timeouts.ts";
import { basicHeaders, whileRequesting } from "./tokens.ts";
import type { TokenRequest, TokenStore } from "./tokens.ts";
import { headerOf } from "./transport.ts";
import type { HttpRequest, RequestBody, Transport } from "./transport.ts";

/** One request to a registry; `target` is a path (`/v2/…`) or a URL that the registry gave (upload locations). */
export interface RegistryRequest {
  readonly method: HttpRequest["method"];
  readonly target: string | URL;
  readonly headers?: Readonly<Record<string, string>>;
  /** Called for each attempt. */
  readonly body?: () => RequestBody;
  readonly signal?: AbortSignal | undefined;
  readonly isBulk?: boolean;
  /** Besides those of the session (cross-repository mount). */
  readonly scopes?: readonly Scope[];
  /** Method that messages name, where Docker asks in another way than we do. */
  readonly namedMethod?: "HEAD";
  /** Statuses that are answers and not failures, besides 2xx. */
  readonly accept?: readonly number[];
}

/** What a session works with. */
export interface SessionParts {
  readonly transport: Transport;
  readonly tokens: TokenStore;
  readonly timeouts: Timeouts;
  readonly host: RegistryHost;
  readonly credentials: RegistryCredentials | undefined;
  readonly scopes: readonly Scope[];
}

/** What a registry wants to see before it answers. */
interface Demand {
  readonly challenges: readonly Challenge[];
  readonly scopes: readonly Scope[];
}

/** Authenticated requests to one endpoint for one repository: auth, one re-authentication, redirects, retries, errors. */
export class Session {
  readonly #parts: SessionParts;
  /** What a 401 told beyond what `/v2/` said. */
  #learned: Demand | undefined;

  constructor(parts: SessionParts) {
    this.#parts = parts;
  }

  get isMirror(): boolean {
    return this.#parts.host.endpoint.isMirror;
  }

  /** Host and port. */
  get host(): string {
    return this.#parts.host.endpoint.host;
  }

  /** An answer that is a success; transient failures are tried again (on mirrors once: the next endpoint is the retry). */
  request(request: RegistryRequest): Promise<HttpResponse> {
    return this.retrying(() => this.requestOnce(request), request.signal);
  }

  /** Several requests that are tried again together. */
  retrying<T>(attempt: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    return withRetries(attempt, {
      signal,
      firstDelayMs: this.#parts.timeouts.retryMs,
      ...(this.isMirror ? { maxAttempts: 2 } : {}),
    });
  }

  /** As {@link request}, without retries. */
  async requestOnce(request: RegistryRequest): Promise<HttpResponse> {
    try {
      const response = await this.#authorized(request);
      if (isSuccess(response.status) || request.accept?.includes(response.status) === true) return response;
      throw await registryError(response);
    } catch (error) {
      if (findEngineError(error)?.details?.["neverConnected"] === true) this.#parts.host.forget();
      throw error;
    }
  }

  async #authorized(request: RegistryRequest): Promise<HttpResponse> {
    const { host } = this.#parts;
    const facts = await host.facts(request.signal);
    const url = typeof request.target === "string" ? pathOn(facts.base, request.target) : request.target;
    const isOwn = url.host === facts.base.host;
    const known = this.#learned ?? { challenges: facts.challenges, scopes: [] };
    const send = async (demand: Demand): Promise<HttpResponse> =>
      await this.#send(request, url, isOwn ? await this.#authorization(demand, request, url) : {});
    const response = await send(known);
    const asked = response.status === 401 ? parseChallenges(headerOf(response.headers, "www-authenticate")) : [];
    if (!isOwn || !this.#mayAskAgain(known.challenges, asked)) return response;
    response.discard();
    this.#learned = { challenges: asked, scopes: scopesOf(asked) };
    for (const demand of [known, this.#learned]) this.#forgetToken(demand, request, url);
    return await send(this.#learned);
  }

  /** Basic credentials that were refused once are refused again. */
  #mayAskAgain(before: readonly Challenge[], now: readonly Challenge[]): boolean {
    if (this.#parts.credentials?.registryToken !== undefined) return false;
    if (now.some(isBearer)) return true;
    const { username, holder } = this.#parts.credentials ?? {};
    return !before.some(isBasic) && now.some(isBasic) && (username !== undefined || holder !== undefined);
  }

  #send(request: RegistryRequest, url: URL, authorization: Readonly<Record<string, string>>): Promise<HttpResponse> {
    return sendFollowing(this.#parts.transport, {
      method: request.method,
      url,
      headers: { ...request.headers, ...authorization },
      signal: request.signal,
      isInsecure: this.#parts.host.endpoint.isInsecure,
      isBulk: request.isBulk === true,
      ...(request.body === undefined ? {} : { body: request.body() }),
    });
  }

  async #authorization(demand: Demand, request: RegistryRequest, url: URL): Promise<Readonly<Record<string, string>>> {
    const { credentials, tokens } = this.#parts;
    const line = requestLine({ method: request.namedMethod ?? request.method, url });
    if (credentials?.registryToken !== undefined && credentials.registryToken !== "")
      return { Authorization: `Bearer ${credentials.registryToken}` };
    const tokenRequest = this.#tokenRequest(demand, request, url);
    if (tokenRequest !== undefined) {
      const token = await tokens
        .token(tokenRequest)
        .catch((error: unknown) =>
          Promise.reject(
            credentials?.holder === undefined ? whileRequesting(line, error) : wrapError(error, "failed to authorize"),
          ),
        );
      return { Authorization: `Bearer ${token.bearer}` };
    }
    if (!demand.challenges.some(isBasic)) return {};
    const own = credentials?.holder === undefined ? credentials : await credentials.holder.password();
    const headers = basicHeaders(own?.username, own?.password);
    if (headers["Authorization"] === undefined) throw noCredentials(line);
    return headers;
  }

  #tokenRequest(demand: Demand, request: RegistryRequest, url: URL): TokenRequest | undefined {
    const { credentials, host, scopes } = this.#parts;
    const challenge = demand.challenges.find(isBearer);
    if (challenge === undefined) return undefined;
    return {
      challenge,
      scopes: [...scopes, ...(request.scopes ?? []), ...demand.scopes],
      credentials,
      registry: url,
      isInsecure: host.endpoint.isInsecure,
      signal: request.signal,
    };
  }

  #forgetToken(demand: Demand, request: RegistryRequest, url: URL): void {
    const tokenRequest = this.#tokenRequest(demand, request, url);
    if (tokenRequest !== undefined) this.#parts.tokens.forget(tokenRequest);
  }
}

function isBearer(challenge: Challenge): boolean {
  return challenge.scheme === "bearer";
}

function isBasic(challenge: Challenge): boolean {
  return challenge.scheme === "basic";
}

function isSuccess(status: number): boolean {
  return status >= 200 && status < 300;
}

function scopesOf(challenges: readonly Challenge[]): readonly Scope[] {
  return challenges.filter(isBearer).flatMap(({ parameters }) => parameters["scope"] ?? []);
}

function noCredentials(line: string): EngineError {
  return new EngineError("unauthenticated", ErrorCode.AUTH_REQUIRED, `${line}: no basic auth credentials`);
}
