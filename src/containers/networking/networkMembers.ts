import { Fields } from "../request/fields.ts";
import { parseEndpoint } from "../request/networkRequest.ts";
import type { ContainerRoom } from "../room.ts";
import type { ContainerNetworks } from "./containerNetworks.ts";
import { networkFacts } from "./networkFacts.ts";

/** Lets containers join and leave networks, one change at a time with what else happens to them. */
export class NetworkMembers implements ContainerNetworks {
  readonly #room: ContainerRoom;

  constructor(room: ContainerRoom) {
    this.#room = room;
  }

  async connect(network: string, request: unknown): Promise<void> {
    const { index, options } = this.#room;
    const fields = new Fields(request, "body");
    const container = index.get(fields.text("Container"));
    const endpoint =
      fields.get("EndpointConfig") === undefined ? {} : parseEndpoint(fields.get("EndpointConfig"), "EndpointConfig");
    await container.exclusive(() => options.sandboxes.connect(network, networkFacts(container, index), endpoint));
  }

  async disconnect(network: string, request: unknown): Promise<void> {
    const { index, options } = this.#room;
    const fields = new Fields(request, "body");
    const container = index.get(fields.text("Container"));
    const force = fields.flag("Force");
    await container.exclusive(() => options.sandboxes.disconnect(network, networkFacts(container, index), force));
  }
}
