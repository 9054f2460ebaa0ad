import { EngineError, ErrorCode } from "#errors";
import type { OciUser } from "../spec/ociSpec.ts";

/** The two files of a root filesystem that name users; empty when it has none. */
export interface AccountFiles {
  readonly passwd: string;
  readonly group: string;
}

interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

interface Group {
  readonly name: string;
  readonly gid: number;
  readonly members: readonly string[];
}

const MAX_ID = 2 ** 31 - 1;

function rows(text: string): readonly (readonly string[])[] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => line.split(":"));
}

function parseAccounts(passwd: string): readonly Account[] {
  return rows(passwd).map(([name = "", , uid, gid]) => ({ name, uid: Number(uid), gid: Number(gid) }));
}

function parseGroups(group: string): readonly Group[] {
  return rows(group).map(([name = "", , gid, members = ""]) => ({
    name,
    gid: Number(gid),
    members: members.split(",").map((member) => member.trim()),
  }));
}

/** Docker has no category for these: the status is that of an error of its own. */
const unknown = (message: string): EngineError => new EngineError("internal", ErrorCode.BAD_REQUEST, message);

/** A number that stands for itself; undefined for a name. */
function parseId(text: string): number | undefined {
  if (!/^-?\d+$/.test(text)) return undefined;
  const id = Number(text);
  if (id < 0 || id > MAX_ID) throw unknown("uids and gids must be in range 0-2147483647");
  return id;
}

function findGid(name: string, groups: readonly Group[], unable = "unable"): number {
  const found = groups.find((group) => group.name === name)?.gid ?? parseId(name);
  if (found === undefined) throw unknown(`${unable} to find group ${name}: no matching entries in group file`);
  return found;
}

/** The home directory of a user id by the container's own file, `/` when it names none. */
export function homeOf(uid: number, { passwd }: AccountFiles): string {
  const home = rows(passwd).find(([, , id]) => id === String(uid))?.[5] ?? "";
  return home === "" ? "/" : home;
}

/**
 * `user[:group]`, each a name or a number, by the container's own files. Without a group: the account's own and, as
 * supplementary ones, those that list it as member. The first supplementary group is the primary one, as Docker has it.
 * @throws {internal} `unable to find user x: no matching entries in passwd file`
 */
export function lookupUser(user: string, files: AccountFiles, groupAdd: readonly string[]): OciUser {
  const [userText = "", groupText = ""] = user.split(":", 2);
  const groups = parseGroups(files.group);
  const wanted = userText === "" ? "0" : userText;
  const accounts = parseAccounts(files.passwd);
  const number = parseId(wanted);
  const account =
    accounts.find(({ name }) => name === wanted) ??
    (number === undefined ? undefined : accounts.find(({ uid }) => uid === number));
  const uid = account?.uid ?? number;
  if (uid === undefined) throw unknown(`unable to find user ${wanted}: no matching entries in passwd file`);
  const gid = groupText === "" ? (account?.gid ?? 0) : findGid(groupText, groups);
  const member =
    groupText === "" && account !== undefined
      ? groups.filter(({ members }) => members.includes(account.name)).map((group) => group.gid)
      : [];
  const added = groupAdd.map((name) => findGid(name, groups, "Unable"));
  return { uid, gid, additionalGids: [gid, ...member, ...added] };
}
