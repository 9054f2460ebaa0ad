import { EngineError, ErrorCode, isNotFound } from "#errors";
import type { Container } from "../container.ts";
import type { ContainerIndex } from "../containerIndex.ts";
import { Fields } from "../request/fields.ts";
import { parseEndpoint } from "../request/networkRequest.ts";
import type { ContainerRoom } from "../room.ts";
import type { ContainerNetworks } from "./containerNetworks.ts";
import { networkFacts } from "./networkFacts.ts";

function referenceIn(fields: Fields): string {
  const reference = fields.text("Container");
  if (reference !== "") return reference;
  throw new EngineError("invalid_argument", ErrorCode.BAD_REQUEST, 'invalid name or ID supplied: ""');
}

/** By force an endpoint can be removed whose container is gone; there is none of that kind here. */
function memberNamed(reference: string, index: ContainerIndex): Container {
  try {
    return index.get(reference);
  } catch (cause) {
    if (!isNotFound(cause)) throw cause;
    throw new EngineError("not_found", ErrorCode.ENDPOINT, `endpoint ${reference} not found`, { cause });
  }
}

/** Lets containers join and leave networks, one change at a time with what else happens to them. */
export class NetworkMembers implements ContainerNetworks {
  readonly #room: ContainerRoom;

  constructor(room: ContainerRoom) {
    this.#room = room;
  }

  async connect(network: string, request: unknown): Promise<void> {
    const { index, options } = this.#room;
    const fields = new Fields(request, "body");
    const container = index.get(referenceIn(fields));
    const endpoint =
      fields.get("EndpointConfig") === undefined ? {} : parseEndpoint(fields.get("EndpointConfig"), "EndpointConfig");
    await container.exclusive(() => options.sandboxes.connect(network, networkFacts(container, index), endpoint));
  }

  async disconnect(network: string, request: unknown): Promise<void> {
    const { index, options } = this.#room;
    const fields = new Fields(request, "body");
    const force = fields.flag("Force");
    const container = force ? memberNamed(referenceIn(fields), index) : index.get(referenceIn(fields));
    await container.exclusive(() => options.sandboxes.disconnect(network, networkFacts(container, index), force));
  }
}
