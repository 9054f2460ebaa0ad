import assert from "node:assert/strict";
import { test } from "node:test";

import * as fc from "fast-check";

import { isInvalidArgument, messageOf } from "#errors";

import { type GitReference, parseGitReference } from "./gitReference.ts";

const NONE: readonly string[] = [
  "https://example.com/",
  "https://example.com/foo",
  "https://example.com/foo.git/",
  "https://example.com/foo.git.bar",
  "custom.xyz/moby/buildkit.git",
  "http://github.com/docker/docker.git:#branch",
  "./.git",
  "../a.git",
  ".git",
  "ftp://host/a.git",
  "https://host:port/a.git",
  "https://host/%zz.git",
  "git@host",
  "",
];

const FOUND: readonly (readonly [string, Partial<GitReference>])[] = [
  ["https://example.com/foo.git", { remote: "https://example.com/foo.git", shortName: "foo" }],
  ["HTTPS://example.com/foo.git", { remote: "https://example.com/foo.git", shortName: "foo" }],
  ["https://example.com/foo.git#release/1.2", { ref: "release/1.2", subdirectory: "" }],
  ["https://example.com/foo.git#baz/qux:quux/quuz", { ref: "baz/qux", subdirectory: "quux/quuz" }],
  ["https://example.com/foo.git#:../x//y/", { ref: "", subdirectory: "x/y" }],
  ["https://foo:bar@example.com:8443/b.git", { remote: "https://foo:bar@example.com:8443/b.git", shortName: "b" }],
  ["git://example.com/foo", { remote: "git://example.com/foo", shortName: "foo", unencrypted: true }],
  ["http://example.com/foo.git", { unencrypted: true }],
  ["ssh://git@example.com:22/foo", { remote: "ssh://git@example.com:22/foo", unencrypted: false }],
  ["git@example.com:a/b.git", { remote: "git@example.com:a/b.git", shortName: "b", unencrypted: false }],
  ["git@example.com:a/b.git?subdir=/s#v1", { remote: "git@example.com:a/b.git", ref: "v1", subdirectory: "/s" }],
  ["github.com/moby/buildkit", { remote: "github.com/moby/buildkit", shortName: "buildkit", likeLocalPath: true }],
  ["github.com/moby/buildkit?tag=v1", { ref: "refs/tags/v1", likeLocalPath: true }],
  ["https://h/d.git?ref=v1.0.0&subdir=/sub", { remote: "https://h/d.git", ref: "v1.0.0", subdirectory: "/sub" }],
  ["https://h/d.git?ref=v1#v1", { ref: "v1" }],
  ["https://h/d.git?branch=refs/heads/x", { ref: "refs/heads/x" }],
  ["https://h/d.git?commit=beef&keep-git-dir", { checksum: "beef", keepGitDirectory: true }],
  ["https://h/d.git?submodules=false&mtime=commit", { submodules: false, times: "commit" }],
  ["https://h/d.git?fetch-by-commit&checksum=beef", { fetchByCommit: true, checksum: "beef" }],
  ["https://h/d.git?fetch-by-commit=0", { fetchByCommit: false }],
];

const WRONG: readonly (readonly [string, string])[] = [
  ["ref=v1.0.0#v1.2.3", 'ref conflicts: "v1.2.3" vs "v1.0.0"'],
  ["ref=v1.0.0&tag=v1.2.3", 'ref conflicts: "v1.0.0" vs "refs/tags/v1.2.3"'],
  ["tag=v1.0.0&branch=v1.0", "branch conflicts with tag"],
  ["subdir=a#:b", 'subdir conflicts: "b" vs "a"'],
  ["mtime=x", 'invalid mtime value: "x" (must be "checkout" or "commit")'],
  ["submodules=x", 'invalid submodules value: "x"'],
  ["ref=", 'query "ref" has no value'],
  ["ref=a&ref=b", 'query "ref" has multiple values'],
  ["invalid=123", 'unexpected query "invalid"'],
];

test("git reference: what is none", () => {
  for (const text of NONE) assert.equal(parseGitReference(text), undefined, text);
});

test("git reference: remote, ref, directory, query", () => {
  for (const [text, expected] of FOUND) {
    const found = parseGitReference(text);
    assert.deepEqual({ ...found, ...expected }, found, text);
  }
});

test("git reference: a wrong query is refused", () => {
  for (const [query, message] of WRONG) {
    assert.throws(
      () => parseGitReference(`https://example.com/a.git?${query}`),
      (error) => messageOf(error) === message,
      query,
    );
  }
});

test("git reference: any text is read or refused", () => {
  const part = fc.constantFrom("https://", "git@", "h", "/a.git", "#", ":", "?", "ref=", "%", "&", "\n", "..");
  fc.assert(
    fc.property(
      fc.array(part).map((parts) => parts.join("")),
      (text) => {
        try {
          const found = parseGitReference(text);
          assert.ok(found === undefined || !found.subdirectory.split("/").includes("..") || text.includes("subdir="));
        } catch (error) {
          assert.ok(isInvalidArgument(error));
        }
      },
    ),
  );
});
