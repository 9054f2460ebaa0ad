import type { SCHEMA } from "./schema.ts";

/** Names of the table's messages. */
export type MessageName = keyof typeof SCHEMA;

interface Scalars {
  readonly string: string;
  readonly bytes: Uint8Array;
  readonly bool: boolean;
  readonly int: number;
  readonly int64: bigint;
}

type Decoded1<T> = T extends keyof Scalars ? Scalars[T] : T extends MessageName ? Decoded<T> : never;
type Encoded1<T> = T extends keyof Scalars ? Scalars[T] : T extends MessageName ? Encodable<T> : never;

type DecodedField<F> = F extends `${number} map<${infer T}>`
  ? Readonly<Record<string, Decoded1<T>>>
  : F extends `${number} ${infer T}[]`
    ? readonly Decoded1<T>[]
    : F extends `${number} ${infer T}`
      ? T extends keyof Scalars
        ? Scalars[T]
        : Decoded1<T> | undefined
      : never;

type EncodedField<F> = F extends `${number} map<${infer T}>`
  ? Readonly<Record<string, Encoded1<T>>>
  : F extends `${number} ${infer T}[]`
    ? readonly Encoded1<T>[]
    : F extends `${number} ${infer T}`
      ? Encoded1<T>
      : never;

/** A message as it is read: every scalar has a value, a message that did not come is undefined. */
export type Decoded<N extends MessageName> = {
  readonly [F in keyof (typeof SCHEMA)[N]]: DecodedField<(typeof SCHEMA)[N][F]>;
};

/** A message as it may be written: what is left out, or has proto3's default, does not go on the wire. */
export type Encodable<N extends MessageName> = {
  readonly [F in keyof (typeof SCHEMA)[N]]?: EncodedField<(typeof SCHEMA)[N][F]> | undefined;
};
