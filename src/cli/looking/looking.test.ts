import assert from "node:assert/strict";
import { test } from "node:test";
import type { FileLine } from "#analysis";
import { escapePath, LongListing, modeText } from "./fileListing.ts";
import { splitImagePath } from "./imageArgument.ts";

test("splitImagePath: an image may hold colons, and so may a path", () => {
  const split = (text: string): string => {
    const found = splitImagePath(text);
    return found === undefined ? "-" : `${found.image} | ${found.path}`;
  };
  assert.equal(split("nginx:/etc"), "nginx | /etc");
  assert.equal(split("nginx:etc/nginx"), "nginx | etc/nginx");
  assert.equal(split("localhost:5000/a/b:1.0@3:/etc/a:b"), "localhost:5000/a/b:1.0@3 | /etc/a:b");
  assert.equal(split("nginx:1.27:etc"), "nginx:1.27 | etc");
  assert.equal(split("docker-archive:/tmp/x.tar:/etc"), "docker-archive:/tmp/x.tar | /etc");
  assert.equal(split("docker-archive:/tmp/x.tar:app:1:/etc"), "docker-archive:/tmp/x.tar:app:1 | /etc");
  assert.equal(split("oci-layout:./dir:etc"), "oci-layout:./dir | etc");
  assert.equal(split("registry:host:5000/x:/"), "registry:host:5000/x | /");
  assert.equal(split("nginx:"), "nginx | ");
  assert.equal(split("nginx"), "-");
  assert.equal(split("docker-archive:x.tar"), "-");
});

const LINE: FileLine = {
  path: "/bin/su",
  type: "file",
  mode: "4755",
  uid: 0,
  gid: 0,
  size: 12,
  mtime: "2026-11-25T00:00:00Z",
  layer: 0,
  step: 1,
};

test("modeText: as ls writes it", () => {
  const text = (type: FileLine["type"], mode: string): string => modeText({ type, mode });
  assert.equal(text("file", "4755"), "-rwsr-xr-x");
  assert.equal(text("file", "6644"), "-rwSr-Sr--");
  assert.equal(text("directory", "1777"), "drwxrwxrwt");
  assert.equal(text("directory", "1776"), "drwxrwxrwT");
  assert.equal(text("symlink", "0777"), "lrwxrwxrwx");
  assert.equal(text("fifo", "0000"), "p---------");
});

test("LongListing: columns grow to the right; what is no text stands escaped", () => {
  const listing = new LongListing();
  const day = "2026-11-2";
  const line = (more: Partial<FileLine>): string =>
    listing.line({ ...LINE, ...more }).replace(/ 2026-11-2\d \d\d:\d\d/, ` ${day}`);
  assert.equal(line({}), `-rwsr-xr-x 0/0              12 ${day} /bin/su`);
  assert.equal(
    line({ uid: 100_000, gid: 200_000, size: 1e12 }),
    `-rwsr-xr-x 100000/200000 1000000000000 ${day} /bin/su`,
  );
  assert.equal(line({}), `-rwsr-xr-x 0/0                      12 ${day} /bin/su`);
  assert.ok(line({ path: "/a\nb\\c\u0001", hardLinkTo: "/x" }).endsWith(" /a\\nb\\\\c\\001 link to /x"));
  assert.ok(line({ type: "char", device: "1:3", size: 0 }).includes(" 1,3 "));
});

test("escapePath: text stays as it is", () => {
  assert.equal(escapePath("/café/ü 🙂"), "/café/ü 🙂");
});
