/** A line being typed: its characters, and before which of them the next one goes. */
export interface TextInput {
  readonly text: string;
  readonly at: number;
}

export const textInput = (text: string): TextInput => ({ text, at: text.length });

export function insertText({ text, at }: TextInput, added: string): TextInput {
  // A pasted name may end with its line.
  const clean = added.replace(/[\r\n]+$/, "").replaceAll(/[\r\n\t]+/g, " ");
  return { text: text.slice(0, at) + clean + text.slice(at), at: at + clean.length };
}

/** Where the character before `at` begins. */
const before = (text: string, at: number): number => at - (/.$/su.exec(text.slice(0, at))?.[0].length ?? 0);
const after = (text: string, at: number): number => at + (/^./su.exec(text.slice(at))?.[0].length ?? 0);

function wordStart(text: string, at: number): number {
  return text.slice(0, at).replace(/[^/\s]*[/\s]*$/, "").length;
}

type Edit = (input: TextInput) => TextInput;

const EDITS: Readonly<Record<string, Edit>> = {
  left: ({ text, at }) => ({ text, at: before(text, at) }),
  right: ({ text, at }) => ({ text, at: after(text, at) }),
  home: ({ text }) => ({ text, at: 0 }),
  end: ({ text }) => ({ text, at: text.length }),
  backspace: ({ text, at }) => ({ text: text.slice(0, before(text, at)) + text.slice(at), at: before(text, at) }),
  delete: ({ text, at }) => ({ text: text.slice(0, at) + text.slice(after(text, at)), at }),
  "ctrl+u": ({ text, at }) => ({ text: text.slice(at), at: 0 }),
  "ctrl+k": ({ text, at }) => ({ text: text.slice(0, at), at }),
  "ctrl+w": ({ text, at }) => ({ text: text.slice(0, wordStart(text, at)) + text.slice(at), at: wordStart(text, at) }),
};
const SAME_AS: Readonly<Record<string, string>> = { "ctrl+a": "home", "ctrl+e": "end", "ctrl+b": "left" };

/** The line after a key; undefined when the key is none of editing. */
export function editText(input: TextInput, key: string, typed: string | undefined): TextInput | undefined {
  const edit = EDITS[SAME_AS[key] ?? key];
  if (edit !== undefined) return edit(input);
  return typed === undefined ? undefined : insertText(input, typed);
}
