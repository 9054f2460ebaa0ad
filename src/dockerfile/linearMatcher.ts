import { type Assertion, isWordCharacter, type ProgramStep } from "./linearProgram.ts";

/** What matching may cost; counts down, and throws below zero. */
export interface MatchBudget {
  spend(steps: number): void;
}

/** What stands on one side of a place in the text. */
const EDGE = 0;
const WORD = 1;
const OTHER = 2;
type Side = typeof EDGE | typeof WORD | typeof OTHER;

/** Characters whose transitions are kept in a table. */
const TABLE = 128;

const sideOf = (codePoint: number): Side => (isWordCharacter(codePoint) ? WORD : OTHER);

function holds(assertion: Assertion, before: Side, after: Side): boolean {
  switch (assertion) {
    case "begin":
      return before === EDGE;
    case "end":
      return after === EDGE;
    case "boundary":
      return (before === WORD) !== (after === WORD);
    case "no-boundary":
      return (before === WORD) === (after === WORD);
  }
}

interface State {
  /** Where the program may be, sorted. */
  readonly positions: readonly number[];
  readonly before: Side;
  /** Matched already, whatever follows. */
  readonly matched: boolean;
  /** The states that follow, by character, as far as they are known. */
  readonly table: (State | undefined)[];
  /** Whether a text that ends here matches. */
  atEnd?: boolean;
}

/**
 * Runs a program over texts: one step a character whatever the expression, by states that are made when they are met
 * and kept up to a number of them.
 */
export class LinearMatcher {
  readonly #program: readonly ProgramStep[];
  readonly #budget: MatchBudget;
  readonly #maxStates: number;
  readonly #marks: Uint32Array;
  #mark = 0;
  #states = new Map<string, State>();
  /** Whether a match can begin at the text's begin only. */
  readonly #anchored: boolean;

  constructor(program: readonly ProgramStep[], budget: MatchBudget, maxStates: number) {
    this.#program = program;
    this.#budget = budget;
    this.#maxStates = maxStates;
    this.#marks = new Uint32Array(program.length);
    this.#anchored = ([WORD, OTHER] as const).every((before) =>
      ([EDGE, WORD, OTHER] as const).every((after) => {
        const { positions, matched } = this.#closure([this.#start], before, after);
        return positions.length === 0 && !matched;
      }),
    );
  }

  /** Whether a part of the text matches. */
  test(text: string): boolean {
    const state = this.#run(text);
    state.atEnd ??= state.matched || this.#closure(state.positions, state.before, EDGE).matched;
    return state.atEnd;
  }

  /** False only where no text that starts with `text` matches. */
  mayContinue(text: string): boolean {
    const state = this.#run(text);
    return state.matched || state.positions.length > 0;
  }

  get #start(): number {
    return this.#program.length - 1;
  }

  #run(text: string): State {
    let state = this.#state([this.#start], EDGE, false);
    for (let at = 0; at < text.length && !state.matched && state.positions.length > 0; at += 1) {
      const codePoint = text.codePointAt(at) ?? 0;
      if (codePoint > 0xffff) at += 1;
      state = state.table[codePoint] ?? this.#next(state, codePoint);
    }
    return state;
  }

  #next(state: State, codePoint: number): State {
    const { positions, matched } = this.#closure(state.positions, state.before, sideOf(codePoint));
    const following = new Set<number>(this.#anchored ? [] : [this.#start]);
    for (const position of positions) {
      const step = this.#program[position];
      if (step?.op === "take" && step.test(codePoint)) following.add(step.next);
    }
    const sorted = [...following].sort((a, b) => a - b);
    const next = this.#state(sorted, sideOf(codePoint), state.matched || matched);
    if (codePoint < TABLE) state.table[codePoint] = next;
    return next;
  }

  #state(positions: readonly number[], before: Side, matched: boolean): State {
    const key = `${before}${matched ? "+" : " "}${positions.join(" ")}`;
    const known = this.#states.get(key);
    if (known !== undefined) return known;
    // What is forgotten is made again; the state at hand keeps working.
    if (this.#states.size >= this.#maxStates) this.#states = new Map();
    const state: State = { positions, before, matched, table: [] };
    this.#states.set(key, state);
    return state;
  }

  /** Every step that takes a character and is reached without taking one. */
  #closure(
    from: readonly number[],
    before: Side,
    after: Side,
  ): { readonly positions: readonly number[]; readonly matched: boolean } {
    this.#mark += 1;
    const found: number[] = [];
    const open = [...from];
    let matched = false;
    for (let position = open.pop(); position !== undefined; position = open.pop()) {
      if (this.#marks[position] === this.#mark) continue;
      this.#marks[position] = this.#mark;
      this.#budget.spend(1);
      const step = this.#program[position];
      if (step?.op === "match") matched = true;
      else if (step?.op === "take") found.push(position);
      else if (step?.op === "split") open.push(...step.next);
      else if (step?.op === "assert" && holds(step.assertion, before, after)) open.push(step.next);
    }
    return { positions: found, matched };
  }
}
