import assert from "node:assert/strict";
import { test } from "node:test";
import { writeTarStream } from "#tar";
import type { TarHeader, TarMemberSource } from "#tar";
import type { ContextReceiver } from "./contextDirectory.ts";
import { receiveTar } from "./receiveTar.ts";

const header = (path: string, more: Partial<TarHeader> = {}): TarHeader => ({
  path,
  type: "file",
  mode: 0o644,
  uid: 1,
  gid: 2,
  mtimeSeconds: 7,
  ...more,
});
const file = (path: string, body: string): TarMemberSource => ({
  header: header(path, { size: body.length }),
  body: [Buffer.from(body)],
});

function recorder(skip: string): { readonly seen: string[]; readonly receiver: ContextReceiver } {
  const seen: string[] = [];
  return {
    seen,
    receiver: {
      entry: ({ path, mode, uid, gid, size, modifiedAt, linkname }) => {
        seen.push([path, mode.toString(8), uid, gid, size, modifiedAt, linkname].join(" "));
        return path !== skip;
      },
      write: (index, chunk) => void seen.push(`${index}: ${Buffer.from(chunk).toString()}`),
      end: (index) => void seen.push(`end ${index}`),
      drained: () => undefined,
    },
  };
}

test("receive tar: entries in their order, bytes of those that are wanted, the root is none", async () => {
  const { seen, receiver } = recorder("d/skipped");
  const tar = writeTarStream([
    { header: header("./", { type: "directory", mode: 0o755 }) },
    { header: header("./d/", { type: "directory", mode: 0o755 }) },
    { header: header("d/again", { type: "hardlink", linkPath: "./d/x" }) },
    { header: header("d/link", { type: "symlink", linkPath: "../e" }) },
    file("d/skipped", "no"),
    file("d/x", "yes"),
    file("d/\u00c3\u00a4", ""),
  ]);
  let received = 0;
  await receiveTar(tar, receiver, (bytes) => void (received = bytes));
  assert.deepEqual(seen, [
    "d 40755 1 2 0 7000000000 ",
    "d/again 100644 1 2 0 7000000000 d/x",
    "d/link 120644 1 2 0 7000000000 ../e",
    "d/skipped 100644 1 2 2 7000000000 ",
    "d/x 100644 1 2 3 7000000000 ",
    "4: yes",
    "end 4",
    "d/ä 100644 1 2 0 7000000000 ",
    "end 5",
  ]);
  assert.ok(received > 7 * 512);
});

test("receive tar: names that leave the directory and names that are no text are refused", async () => {
  const { receiver } = recorder("");
  await assert.rejects(
    receiveTar(writeTarStream([file("a/../../x", "")]), receiver, () => undefined),
    {
      code: "PATH_ESCAPE",
    },
  );
  await assert.rejects(
    receiveTar(writeTarStream([file("\u00ff", "")]), receiver, () => undefined),
    /must be UTF-8/,
  );
});
