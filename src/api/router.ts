import { EngineError, ErrorCode } from "#errors";
import type { Exchange } from "./exchange.ts";

/** Answers one request. What it throws becomes a status and `{message}`. */
export type Handler = (exchange: Exchange) => Promise<void> | void;

/** `GET`, `/images/:name/json`; `:name` takes any characters, slashes too, since image names hold them. */
export type Route = readonly [method: "GET" | "HEAD" | "POST" | "PUT" | "DELETE", path: string, handler: Handler];

interface Compiled {
  readonly method: string;
  readonly pattern: RegExp;
  readonly names: readonly string[];
  readonly handler: Handler;
}

/** A found route with the values of its path. */
export interface Match {
  readonly handler: Handler;
  readonly params: Readonly<Record<string, string>>;
}

function compile([method, path, handler]: Route): Compiled {
  const names: string[] = [];
  const source = path
    .split("/")
    .map((part) => {
      if (!part.startsWith(":")) return part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
      names.push(part.slice(1));
      return "(.+)";
    })
    .join("/");
  return { method, pattern: new RegExp(`^${source}$`), names, handler };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    throw new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, `invalid URL escape in ${JSON.stringify(text)}`, {
      cause,
    });
  }
}

/** Routes in the order they were given; the first that fits wins. */
export function createRouter(routes: readonly Route[]): (method: string, path: string) => Match | undefined {
  const compiled = routes.map(compile);
  return (method, path) => {
    for (const route of compiled) {
      if (route.method !== method) continue;
      const found = route.pattern.exec(path);
      if (found === null) continue;
      return {
        handler: route.handler,
        params: Object.fromEntries(route.names.map((name, index) => [name, decode(found[index + 1] ?? "")])),
      };
    }
    return undefined;
  };
}
