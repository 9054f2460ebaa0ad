interface Placed {
  /** Offset in the template, for messages. */
  readonly position: number;
  /** The node as Go's messages show it. */
  readonly text: string;
}

/** An operand of a command. */
export type Expression = Placed &
  (
    | { readonly kind: "dot" }
    | { readonly kind: "nil" }
    | { readonly kind: "bool"; readonly value: boolean }
    | { readonly kind: "number"; readonly value: number | bigint; readonly isFloat: boolean }
    | { readonly kind: "string"; readonly value: string }
    | { readonly kind: "field"; readonly names: readonly string[] }
    | { readonly kind: "variable"; readonly name: string; readonly names: readonly string[] }
    | { readonly kind: "identifier"; readonly name: string }
    | { readonly kind: "chain"; readonly base: Expression; readonly names: readonly string[] }
    | { readonly kind: "pipe"; readonly pipe: Pipe }
  );

/** `name arg…`: a call, or one operand. */
export type Command = Placed & { readonly args: readonly Expression[] };

/** `$a, $b := command | command`. */
export type Pipe = Placed & {
  readonly variables: readonly string[];
  readonly assigns: boolean;
  readonly commands: readonly Command[];
};

export interface Branch {
  readonly pipe: Pipe;
  readonly list: readonly TemplateNode[];
  readonly elseList: readonly TemplateNode[];
}

export type TemplateNode =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "action"; readonly pipe: Pipe }
  | ({ readonly kind: "if" | "with" | "range" } & Branch)
  | { readonly kind: "break" }
  | { readonly kind: "continue" };
