import type { NetworkResource } from "#engineapi";
import { GoStruct, rowStruct } from "../template/value.ts";
import type { GoField, GoValue } from "../template/value.ts";
import { goTimeOf } from "./shape.ts";
import { shortId } from "./units.ts";

/** A network as lists show it; daemons before API 1.48 do not say whether it has IPv4. */
export type NetworkSummary = Omit<NetworkResource, "EnableIPv4"> & { readonly EnableIPv4?: boolean };

/** Column titles of a network row. */
export const NETWORK_TITLES: Readonly<Record<string, string>> = {
  ID: "NETWORK ID",
  Name: "NAME",
  Driver: "DRIVER",
  Scope: "SCOPE",
  IPv4: "IPV4",
  IPv6: "IPV6",
  Internal: "INTERNAL",
  Labels: "LABELS",
  CreatedAt: "CREATED AT",
};

/** One row for a formatter; names as Docker's, with `.Label "key"`. */
export function networkRow(network: NetworkSummary, noTrunc: boolean): GoStruct {
  const labels = network.Labels ?? {};
  const columns: Readonly<Record<string, () => GoValue>> = {
    ID: () => (noTrunc ? network.Id : shortId(network.Id)),
    Name: () => network.Name,
    Driver: () => network.Driver,
    Scope: () => network.Scope,
    IPv4: () => String(network.EnableIPv4 ?? false),
    IPv6: () => String(network.EnableIPv6),
    Internal: () => String(network.Internal),
    Labels: () =>
      Object.entries(labels)
        .map(([key, value]) => `${key}=${value}`)
        .sort()
        .join(","),
    CreatedAt: () => goTimeOf(network.Created),
  };
  return new NetworkRow(rowStruct("*network.networkContext", columns).fields, (key) => labels[key] ?? "");
}

/** `.Label` is a method with an argument, so it is no column and stays out of JSON. */
class NetworkRow extends GoStruct {
  readonly #label: GoField;

  constructor(fields: readonly GoField[], label: (key: string) => string) {
    super("*network.networkContext", fields, true);
    this.#label = { name: "Label", get: () => "", call: label };
  }

  override field(name: string): GoField | undefined {
    return name === "Label" ? this.#label : super.field(name);
  }
}
