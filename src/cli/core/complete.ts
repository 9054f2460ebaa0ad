import type { ImageSummary } from "#engineapi";
import { COMMANDS, findCommand, GROUPS } from "./commandTable.ts";
import { openSession } from "./session.ts";
import type { Session } from "./session.ts";

interface Candidate {
  readonly word: string;
  readonly about?: string;
}

const IMAGE_COMMANDS = [
  "image inspect",
  "image history",
  "image push",
  "image rm",
  "image save",
  "image tag",
  "container run",
  "container create",
  "inspect",
];
const NETWORK_COMMANDS = ["network connect", "network disconnect", "network inspect", "network rm"];
const CONTAINER_COMMANDS = [
  "container inspect",
  "container kill",
  "container logs",
  "container port",
  "container rm",
  "container start",
  "container stop",
  "container wait",
  "inspect",
  "network connect",
  "network disconnect",
];

function commandWords(words: readonly string[]): readonly Candidate[] {
  const [first] = words;
  if (words.length > 1) {
    return COMMANDS.flatMap(({ paths, short }) =>
      paths
        .filter((path) => path.startsWith(`${first ?? ""} `))
        .map((path) => ({ word: path.split(" ")[1] ?? "", about: short })),
    );
  }
  const top = COMMANDS.flatMap(({ paths, short }) =>
    paths.filter((path) => !path.includes(" ")).map((word) => ({ word, about: short })),
  );
  return [
    ...top,
    ...GROUPS.map(({ name, short }) => ({ word: name, about: short })),
    { word: "help", about: "Help about any command" },
  ];
}

async function images(session: Session): Promise<readonly Candidate[]> {
  const list = await session.client.json<readonly ImageSummary[]>({ path: "/images/json" });
  return list.flatMap((image) => (image.RepoTags ?? []).map((word) => ({ word })));
}

async function containers(session: Session): Promise<readonly Candidate[]> {
  const list = await session.client.json<readonly { readonly Names: readonly string[]; readonly Status: string }[]>({
    path: "/containers/json",
    query: { all: true },
  });
  return list.flatMap(({ Names, Status }) => Names.map((name) => ({ word: name.replace(/^\//, ""), about: Status })));
}

async function networks(session: Session): Promise<readonly Candidate[]> {
  const list = await session.client.json<readonly { readonly Name: string; readonly Driver: string }[]>({
    path: "/networks",
  });
  return list.map(({ Name, Driver }) => ({ word: Name, about: Driver }));
}

async function objects(path: string): Promise<readonly Candidate[]> {
  await using session = openSession({ debug: false });
  // Pressing tab must neither start a daemon nor fail.
  if (!(await session.isListening())) return [];
  const [named, run, joined] = await Promise.all([
    IMAGE_COMMANDS.includes(path) ? images(session) : [],
    CONTAINER_COMMANDS.includes(path) ? containers(session) : [],
    NETWORK_COMMANDS.includes(path) ? networks(session) : [],
  ]);
  return [...named, ...run, ...joined];
}

/** Candidates for the last of `words` (the command line without the program), one a line, meaning after a tab. */
export async function complete(words: readonly string[]): Promise<string> {
  const last = words.at(-1) ?? "";
  const found = findCommand(words.slice(0, -1));
  const candidates = found === undefined ? commandWords(words) : await argumentWords(found, last);
  return candidates
    .filter(({ word }) => word.startsWith(last))
    .map(({ word, about }) => `${word}${about === undefined ? "" : `\t${about.split("\n")[0] ?? ""}`}\n`)
    .join("");
}

async function argumentWords(
  found: NonNullable<ReturnType<typeof findCommand>>,
  last: string,
): Promise<readonly Candidate[]> {
  if (!last.startsWith("-")) return objects(found.entry.paths[0] ?? "");
  const { flags } = await found.entry.load();
  return Object.entries(flags)
    .filter(([, flag]) => flag.hidden !== true)
    .map(([name, flag]) => ({ word: `--${name}`, about: flag.usage }));
}
