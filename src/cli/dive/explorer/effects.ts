import type { ImageScores } from "#analysis";

/** What the loop is to do outside of the state. */
export type Effect =
  | { readonly kind: "quit" }
  | { readonly kind: "suspend" }
  /** Read a file and answer with `opened`. */
  | { readonly kind: "view"; readonly node: number }
  | {
      readonly kind: "extract";
      readonly node: number;
      readonly destination: string;
      readonly mayOverwrite: boolean;
    };

/** What comes back from effects. */
export type Outcome =
  | { readonly kind: "opened"; readonly title: string; readonly bytes: Uint8Array; readonly note: string }
  | { readonly kind: "scored"; readonly scores: ImageScores }
  /** Files were compared: the tree knows better what is modified. */
  | { readonly kind: "settled" }
  | { readonly kind: "said"; readonly text: string; readonly isError: boolean }
  | { readonly kind: "exists"; readonly node: number; readonly destination: string };
