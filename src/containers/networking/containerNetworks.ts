/** Containers as members of networks: the API's connect and disconnect. `network` and `Container` are references. */
export interface ContainerNetworks {
  /** Body of `POST /networks/{id}/connect`: `{ Container, EndpointConfig }`. Works on a running and on a stopped container. */
  connect(network: string, request: unknown): Promise<void>;
  /** Body of `POST /networks/{id}/disconnect`: `{ Container, Force }`. */
  disconnect(network: string, request: unknown): Promise<void>;
}
