import { EngineError, ErrorCode, messageOf, findEngineError, redactUrl } from "#errors";
import { digestOf } from "#oci";
import type { Challenge } from "./challenge.ts";
import { sendFollowing } from "./redirects.ts";
import { registryError } from "./registryError.ts";
import type { CredentialsHolder, RegistryCredentials } from "./registryClient.ts";
import { mergeScopes } from "./scope.ts";
import type { Scope } from "./scope.ts";
import type { HttpResponse } from "./httpResponse.ts";
import type { Transport } from "./transport.ts";

/** What the token server gave. */
export interface Token {
  readonly bearer: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
  /** Given for a login that asked for offline access. */
  readonly identityToken?: string;
}

/** What is asked of a token server (distribution token authentication and OAuth2 specifications). */
export interface TokenRequest {
  readonly challenge: Challenge;
  readonly scopes: readonly Scope[];
  readonly credentials: RegistryCredentials | undefined;
  /** Whoever asked; decides whether an http realm is good enough. */
  readonly registry: URL;
  readonly isInsecure: boolean;
  /** Ask for an identity token too. */
  readonly isLogin?: boolean;
  readonly signal?: AbortSignal | undefined;
}

const CLIENT_ID = "docker";
const MIN_LIFETIME_S = 60;
/** Renewed this long before the end, so that it does not run out on its way. */
const MARGIN_MS = 10_000;
const MAX_TOKEN_BYTES = 1 << 20;
const MAX_TOKENS = 1000;

/** Tokens by realm, service, scopes and user; concurrent requests for one token share one answer. */
export class TokenStore {
  readonly #transport: Transport;
  readonly #tokens: Map<string, Promise<Token>> = new Map();

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** @throws {unauthenticated}, {permission_denied}, {unavailable} in the token server's words. */
  async token(request: TokenRequest): Promise<Token> {
    const key = keyOf(request);
    const earlier = this.#tokens.get(key);
    if (earlier !== undefined) {
      const known = await earlier.catch(() => undefined);
      if (known !== undefined && known.expiresAt - MARGIN_MS > Date.now()) return known;
      // Another one of those that waited may have asked already.
      if (this.#tokens.has(key) && this.#tokens.get(key) !== earlier) return await this.token(request);
    }
    const asked = fetchToken(this.#transport, request);
    this.#tokens.set(key, asked);
    asked.catch(() => this.#tokens.delete(key));
    if (this.#tokens.size > MAX_TOKENS) this.#tokens.clear();
    return await asked;
  }

  /** The registry did not take it: ask again next time. */
  forget(request: TokenRequest): void {
    this.#tokens.delete(keyOf(request));
  }
}

function keyOf(request: TokenRequest): string {
  const { realm, service } = request.challenge.parameters;
  const who = digestOf(JSON.stringify(request.credentials ?? null));
  return JSON.stringify([realm, service, mergeScopes(request.scopes), who, request.isLogin === true]);
}

function realmOf(request: TokenRequest): URL {
  const text = request.challenge.parameters["realm"] ?? "";
  const url = URL.parse(text);
  const bad = (why: string): EngineError =>
    new EngineError(
      "unavailable",
      ErrorCode.REGISTRY,
      `invalid token server ${JSON.stringify(redactUrl(text))}: ${why}`,
    );
  if (url === null || (url.protocol !== "https:" && url.protocol !== "http:")) throw bad("no http(s) URL");
  if (url.protocol === "http:" && request.registry.protocol === "https:") throw bad("not https");
  return url;
}

async function tokenOfHolder(holder: CredentialsHolder, request: TokenRequest): Promise<Token> {
  const { realm = "", service = "" } = request.challenge.parameters;
  const { bearer, expiresInS } = await holder.token({ realm, service, scopes: mergeScopes(request.scopes) });
  return { bearer, expiresAt: expiryAfter(expiresInS) };
}

async function fetchToken(transport: Transport, request: TokenRequest): Promise<Token> {
  const holder = request.credentials?.holder;
  if (holder !== undefined) return tokenOfHolder(holder, request);
  const isOauth = request.credentials?.identityToken !== undefined && request.credentials.identityToken !== "";
  const response = await (isOauth ? postOauth(transport, request) : getToken(transport, request));
  if (response.status < 200 || response.status >= 300) throw await registryError(response);
  return parseToken(await response.bytes(MAX_TOKEN_BYTES, "answer of the token server"));
}

function getToken(transport: Transport, request: TokenRequest): Promise<HttpResponse> {
  const url = realmOf(request);
  const { username, password } = request.credentials ?? {};
  const service = request.challenge.parameters["service"];
  if (service !== undefined) url.searchParams.set("service", service);
  for (const scope of mergeScopes(request.scopes)) url.searchParams.append("scope", scope);
  if (request.isLogin === true) url.searchParams.set("offline_token", "true");
  url.searchParams.set("client_id", CLIENT_ID);
  if (username !== undefined && username !== "") url.searchParams.set("account", username);
  const headers = basicHeaders(username, password);
  return sendFollowing(transport, { method: "GET", url, headers, ...conditions(request) });
}

function postOauth(transport: Transport, request: TokenRequest): Promise<HttpResponse> {
  const form = new URLSearchParams({
    grant_type: "refresh_token",
    refresh_token: request.credentials?.identityToken ?? "",
    service: request.challenge.parameters["service"] ?? "",
    client_id: CLIENT_ID,
  });
  const scopes = mergeScopes(request.scopes);
  if (scopes.length > 0) form.set("scope", scopes.join(" "));
  const bytes = Buffer.from(form.toString());
  return sendFollowing(transport, {
    method: "POST",
    url: realmOf(request),
    headers: { "Content-Type": "application/x-www-form-urlencoded" },
    body: { chunks: once(bytes), size: bytes.length },
    ...conditions(request),
  });
}

function conditions(request: TokenRequest): { signal?: AbortSignal | undefined; isInsecure: boolean } {
  return { signal: request.signal, isInsecure: request.isInsecure };
}

/** `Authorization: Basic …`; nothing without a user name. */
export function basicHeaders(username?: string, password?: string): Readonly<Record<string, string>> {
  if (username === undefined || username === "") return {};
  const pair = Buffer.from(`${username}:${password ?? ""}`).toString("base64");
  return { Authorization: `Basic ${pair}` };
}

/** One chunk as a body. */
export async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, void> {
  yield bytes;
}

function parseToken(bytes: Uint8Array): Token {
  const answer = parseJsonObject(bytes);
  const bearer = [answer["token"], answer["access_token"]].find((text) => typeof text === "string" && text !== "");
  if (typeof bearer !== "string") throw noToken();
  const { expires_in: seconds, refresh_token: identityToken } = answer;
  return {
    bearer,
    expiresAt: expiryAfter(typeof seconds === "number" ? seconds : 0),
    ...(typeof identityToken === "string" && identityToken !== "" ? { identityToken } : {}),
  };
}

/** Counted from now and not from `issued_at`: clocks differ, and a token refused too early is asked for again anyway. */
function expiryAfter(lifetimeS: number): number {
  return Date.now() + Math.max(lifetimeS, MIN_LIFETIME_S) * 1000;
}

function parseJsonObject(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString("utf8"));
    if (typeof value === "object" && value !== null) return value as Readonly<Record<string, unknown>>;
  } catch {
    // told below
  }
  throw noToken();
}

function noToken(): EngineError {
  return new EngineError(
    "unavailable",
    ErrorCode.REGISTRY,
    "authorization server did not include a token in the response",
  );
}

/** An error of the token server, told as part of the request that needed the token: `Head "https://…": unauthorized: …`. */
export function whileRequesting(line: string, error: unknown): EngineError {
  const inner = findEngineError(error);
  if (inner === undefined || inner.category === "cancelled") throw error;
  return new EngineError(inner.category, inner.code, `${line}: ${messageOf(error)}`, {
    ...(inner.details === undefined ? {} : { details: inner.details }),
    cause: error,
  });
}
