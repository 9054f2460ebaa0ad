import type { Owner } from "./layerDraft.ts";
import type { SourceTree } from "./sourceTree.ts";

const MAX_FILE_BYTES = 16 << 20;
const MAX_ID = 2 ** 32 - 1;

/**
 * `user[:group]` of `--chown`, names looked up in a filesystem's /etc/passwd and /etc/group. As BuildKit: a user alone brings
 * its own group (a number the same number), a name that is not there counts as 0, a group that is not there as none given.
 */
export function findOwner(text: string, tree: SourceTree | undefined): Owner {
  const [user = "", group = ""] = text.split(":", 2);
  const { uid, gid } = findUser(user, tree);
  const groupId = group === "" ? undefined : (numberOf(group) ?? findGroup(group, tree));
  return { uid, gid: groupId ?? gid };
}

function findUser(user: string, tree: SourceTree | undefined): Owner {
  const id = numberOf(user);
  if (id !== undefined) return { uid: id, gid: id };
  for (const [name, , uid = "", gid = ""] of records(tree, "etc/passwd")) {
    if (name === user) return { uid: numberOf(uid) ?? 0, gid: numberOf(gid) ?? 0 };
  }
  return { uid: 0, gid: 0 };
}

function findGroup(group: string, tree: SourceTree | undefined): number | undefined {
  for (const [name, , gid = ""] of records(tree, "etc/group")) {
    if (name === group) return numberOf(gid);
  }
  return undefined;
}

function numberOf(text: string): number | undefined {
  const number = /^\d{1,10}$/.test(text) ? Number(text) : undefined;
  return number === undefined || number > MAX_ID ? undefined : number;
}

function records(tree: SourceTree | undefined, path: string): readonly (readonly string[])[] {
  const entry = tree?.find(tree.resolve(path));
  if (tree === undefined || entry?.type !== "file" || entry.size > MAX_FILE_BYTES) return [];
  const parts: Buffer[] = [];
  tree.read(entry, (chunk) => parts.push(Buffer.from(chunk)));
  const text = Buffer.concat(parts).toString("utf8");
  return text.split("\n").map((line) => line.trim().split(":"));
}
