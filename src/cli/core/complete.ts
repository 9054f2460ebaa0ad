import type { ImageSummary } from "#engineapi";
import { COMMANDS, findCommand, GROUPS } from "./commandTable.ts";
import { openSession } from "./session.ts";
import type { Session } from "./session.ts";

interface Candidate {
  readonly word: string;
  readonly about?: string;
}

const IMAGE_COMMANDS = [
  "image cat",
  "image diff",
  "image ls-files",
  "image overlay",
  "image why",
  "image inspect",
  "image flatten",
  "image history",
  "image push",
  "image rebase",
  "image rm",
  "image save",
  "image squash",
  "image tag",
  "container run",
  "container create",
  "dive",
  "inspect",
];
const NETWORK_COMMANDS = ["network connect", "network disconnect", "network inspect", "network rm"];
/** What may be done to a container in which state; `undefined`: in any. */
const CONTAINER_COMMANDS: Readonly<Record<string, readonly string[] | undefined>> = {
  "container attach": ["running"],
  "container commit": undefined,
  "container cp": undefined,
  "container diff": undefined,
  "container exec": ["running"],
  "container export": undefined,
  "container inspect": undefined,
  "container kill": ["running", "paused", "restarting"],
  "container logs": undefined,
  "container pause": ["running"],
  "container port": undefined,
  "container rename": undefined,
  "container restart": undefined,
  "container rm": undefined,
  "container start": ["exited", "created"],
  "container stats": ["running", "paused"],
  "container stop": ["running", "paused", "restarting"],
  "container top": ["running"],
  "container unpause": ["paused"],
  "container update": undefined,
  "container wait": ["running", "paused", "restarting"],
  "image overlay": undefined,
  inspect: undefined,
  "network connect": undefined,
  "network disconnect": undefined,
};

/** The next word of every command and group that begins with these words. */
function commandWords(words: readonly string[]): readonly Candidate[] {
  const before = words.slice(0, -1);
  const prefix = before.map((word) => `${word} `).join("");
  const rest = (path: string): readonly string[] =>
    path.startsWith(prefix) ? path.slice(prefix.length).split(" ") : [];
  const below = COMMANDS.flatMap(({ paths, short }) =>
    paths.map(rest).flatMap(([word = "", ...more]) => (word === "" || more.length > 0 ? [] : [{ word, about: short }])),
  );
  const groups = GROUPS.flatMap(({ name, short }) => {
    const [word = "", ...more] = rest(name);
    return word === "" || more.length > 0 ? [] : [{ word, about: short }];
  });
  return [...below, ...groups, ...(before.length === 0 ? [{ word: "help", about: "Help about any command" }] : [])];
}

async function images(session: Session): Promise<readonly Candidate[]> {
  const list = await session.client.json<readonly ImageSummary[]>({ path: "/images/json" });
  return list.flatMap((image) => (image.RepoTags ?? []).map((word) => ({ word })));
}

interface ContainerFacts {
  readonly Names: readonly string[];
  readonly State: string;
  readonly Status: string;
}

async function containers(session: Session, path: string): Promise<readonly Candidate[]> {
  const states = CONTAINER_COMMANDS[path];
  const list = await session.client.json<readonly ContainerFacts[]>({
    path: "/containers/json",
    query: { all: true },
  });
  const fitting = list.filter(({ State }) => states === undefined || states.includes(State));
  // `cp` goes on with a path inside.
  const ending = path === "container cp" ? ":" : "";
  return fitting.flatMap(({ Names, Status }) =>
    Names.map((name) => ({ word: `${name.replace(/^\//, "")}${ending}`, about: Status })),
  );
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
    Object.hasOwn(CONTAINER_COMMANDS, path) ? containers(session, path) : [],
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
