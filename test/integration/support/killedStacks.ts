import type { Member } from "../../contract/snapshotterContract.ts";

const KINDS = 4;

/** Layers, base first; the upper ones need a fixup. `round` chooses one of four stacks. */
export function stackOf(round: number): readonly (readonly Member[])[] {
  const kind = round % KINDS;
  return [
    [
      { path: "./", mode: 0o755 },
      { path: "etc", mode: 0o750 },
      { path: "etc/base", data: "base" },
      ...Array.from({ length: 200 }, (_, index) => ({ path: `etc/f${index}`, data: `${kind} ${index}` })),
    ],
    [
      { path: "etc/upper", data: `upper ${kind}` },
      { path: "etc/linked", type: "hardlink", linkPath: "etc/base" },
      { path: "gone/.wh.ghost", data: "" },
    ],
  ];
}

/** What the stack must look like: path → content, or permission bits of a directory. */
export function expectedOf(round: number): Readonly<Record<string, string>> {
  return {
    "etc/base": "base",
    "etc/linked": "base",
    "etc/upper": `upper ${round % KINDS}`,
    "etc/f199": `${round % KINDS} 199`,
  };
}
