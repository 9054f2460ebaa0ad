import { EngineError, ErrorCode } from "#errors";
import type { Handler, Route } from "../router.ts";

/** What dockerd answers outside a swarm; clients ask to find out (compose, `docker info`, Portainer). */
const NO_MANAGER =
  'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.';

const noManager: Handler = () => {
  throw new EngineError("unavailable", ErrorCode.NOT_IMPLEMENTED, NO_MANAGER);
};

const noSwarm: Handler = () => {
  throw new EngineError(
    "not_implemented",
    ErrorCode.NOT_IMPLEMENTED,
    "varve has no swarm mode; several machines run containers through Kubernetes",
  );
};

const noCheckpoints: Handler = () => {
  throw new EngineError(
    "not_implemented",
    ErrorCode.NOT_IMPLEMENTED,
    "This experimental feature is disabled by default. Start the Docker daemon in experimental mode in order to enable it.",
  );
};

const SWARM_ONLY = ["/swarm", "/services", "/nodes", "/tasks", "/secrets", "/configs"] as const;

/**
 * Parts of Docker's API whose things cannot exist here: swarm, managed plugins and checkpoints. A question gets the answer of a
 * dockerd that has none of them, an order is refused.
 */
export function absentRoutes(): readonly Route[] {
  return [
    ["POST", "/swarm/init", noSwarm],
    ["POST", "/swarm/join", noSwarm],
    [
      "POST",
      "/swarm/leave",
      () => {
        throw new EngineError("unavailable", ErrorCode.NOT_IMPLEMENTED, "This node is not part of a swarm");
      },
    ],
    ...SWARM_ONLY.flatMap((path): readonly Route[] => [
      ["GET", path, noManager],
      ["GET", `${path}/:name`, noManager],
      ["POST", `${path}/:name`, noManager],
      ["DELETE", `${path}/:name`, noManager],
    ]),
    ["GET", "/containers/:id/checkpoints", noCheckpoints],
    ["POST", "/containers/:id/checkpoints", noCheckpoints],
    ["DELETE", "/containers/:id/checkpoints/:name", noCheckpoints],
    ["GET", "/plugins", (exchange) => exchange.json(200, [])],
    [
      "GET",
      "/plugins/:name/json",
      (exchange) => {
        const message = `plugin ${JSON.stringify(exchange.param("name"))} not found`;
        throw new EngineError("not_found", ErrorCode.BAD_REQUEST, message);
      },
    ],
  ];
}
