import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { isInvalidArgument } from "#errors";
import {
  familiarName,
  familiarReference,
  formatReference,
  parseReference,
  repositoryOf,
  withDefaultTag,
  withDigest,
  withTag,
} from "./reference.ts";
import { parseDigest } from "./digest.ts";

const HEX = "a".repeat(64);
const DIGEST = `sha256:${HEX}`;

/** What is typed → domain, path, tag, digest, familiar form (facts of distribution/reference's own tests). */
const GOOD: readonly (readonly [text: string, whole: string, familiar?: string])[] = [
  ["nginx", "docker.io/library/nginx"],
  ["nginx:1.27", "docker.io/library/nginx:1.27"],
  ["bitnami/redis", "docker.io/bitnami/redis"],
  ["docker.io/nginx", "docker.io/library/nginx", "nginx"],
  ["docker.io/library/nginx", "docker.io/library/nginx", "nginx"],
  ["index.docker.io/nginx", "docker.io/library/nginx", "nginx"],
  ["index.docker.io/library/nginx:a", "docker.io/library/nginx:a", "nginx:a"],
  ["library/nginx", "docker.io/library/nginx", "nginx"],
  ["library/a/b", "docker.io/library/a/b", "library/a/b"],
  ["localhost/a", "localhost/a"],
  ["localhost", "docker.io/library/localhost"],
  ["localhost:5000", "docker.io/library/localhost:5000"],
  ["localhost:5000/a", "localhost:5000/a"],
  ["127.0.0.1:5000/a/b:c", "127.0.0.1:5000/a/b:c"],
  ["[::1]:5000/a", "[::1]:5000/a"],
  ["[2001:db8::1]/a:b", "[2001:db8::1]/a:b"],
  ["example.com/a", "example.com/a"],
  ["EXAMPLE.com/a", "EXAMPLE.com/a"],
  ["Foo/bar", "Foo/bar"],
  ["xn--n3h.com/myimage:xn--n3h.com", "xn--n3h.com/myimage:xn--n3h.com"],
  ["a.b", "docker.io/library/a.b"],
  ["foo_bar/x", "docker.io/foo_bar/x"],
  ["a__b/c--d/e.f", "docker.io/a__b/c--d/e.f"],
  ["a-------b", "docker.io/library/a-------b"],
  ["nginx:UPPER_.-9", "docker.io/library/nginx:UPPER_.-9"],
  [`nginx@${DIGEST}`, `docker.io/library/nginx@${DIGEST}`],
  [`nginx:1@${DIGEST}`, `docker.io/library/nginx:1@${DIGEST}`],
  [`nginx@sha512:${HEX}${HEX}`, `docker.io/library/nginx@sha512:${HEX}${HEX}`],
  [`${HEX}:tag`, `docker.io/library/${HEX}:tag`],
  [`a/${HEX}`, `docker.io/a/${HEX}`],
  [HEX.slice(1), `docker.io/library/${HEX.slice(1)}`],
  [`docker.io/${HEX}`, `docker.io/library/${HEX}`, HEX],
  [`a:${"t".repeat(128)}`, `docker.io/library/a:${"t".repeat(128)}`],
  [`x.io/${"p".repeat(255)}`, `x.io/${"p".repeat(255)}`],
];

for (const [text, whole, familiar = text] of GOOD) {
  test(`parseReference: ${text.slice(0, 60)} is ${whole.slice(0, 60)}`, () => {
    const reference = parseReference(text);
    assert.equal(formatReference(reference), whole);
    assert.equal(familiarReference(reference), familiar);
    assert.deepEqual(parseReference(whole), reference);
  });
}

const FORMAT = "invalid reference format";
const lowercase = (name: string): string => `${FORMAT}: repository name (${name}) must be lowercase`;

/** Messages as dockerd 26.1 and 28 give them. */
const BAD: readonly (readonly [text: string, message: string])[] = [
  ["", FORMAT],
  [" nginx", FORMAT],
  ["nginx ", FORMAT],
  [":tag", FORMAT],
  ["nginx:", FORMAT],
  ["nginx:a:b", FORMAT],
  ["nginx:-a", FORMAT],
  ["nginx:.a", FORMAT],
  [`nginx:${"t".repeat(129)}`, FORMAT],
  ["nginx@", FORMAT],
  [`@${DIGEST}`, FORMAT],
  ["nginx@sha256:abc", FORMAT],
  [`nginx@${DIGEST}@${DIGEST}`, FORMAT],
  [`nginx@${HEX}`, FORMAT],
  ["docker.io/", FORMAT],
  ["docker.io//nginx", FORMAT],
  ["a//b", FORMAT],
  ["/a", FORMAT],
  ["a/", FORMAT],
  ["-a", FORMAT],
  ["a-", FORMAT],
  ["a___b", FORMAT],
  ["a..b/c", FORMAT],
  ["a/b..c", FORMAT],
  ["a._b", FORMAT],
  ["-example.com/a", FORMAT],
  ["example.com:port/a", FORMAT],
  ["[fe80::1%eth0]:5000/a", FORMAT],
  ["[::1/a", FORMAT],
  ["http://example.com/a", FORMAT],
  ["a\nb", FORMAT],
  ["nginx\n", FORMAT],
  ["ä", FORMAT],
  ["Nginx", lowercase("library/Nginx")],
  ["Nginx:x", lowercase("library/Nginx")],
  ["a/Foo:x", lowercase("a/Foo")],
  ["example.com/Foo/bar", lowercase("Foo/bar")],
  [`Foo@${DIGEST}`, lowercase("library/Foo@sha256")],
  [HEX, `invalid repository name (${HEX}), cannot specify 64-byte hexadecimal strings`],
  ["a".repeat(300), "repository name must not be more than 255 characters"],
  [`x.io/${"p".repeat(256)}`, "repository name must not be more than 255 characters"],
  [`nginx@sha256:${HEX.slice(24)}`, "invalid checksum digest length"],
  [`nginx@sha512:${HEX}`, "invalid checksum digest length"],
  [`nginx@sha256:${HEX.toUpperCase()}`, "invalid checksum digest format"],
  [`nginx@SHA256:${HEX}`, lowercase("library/nginx@SHA256")],
  [`nginx@md5:${HEX}`, "unsupported digest algorithm"],
];

for (const [text, message] of BAD) {
  test(`parseReference: refuses ${JSON.stringify(text).slice(0, 60)}`, () => {
    assert.throws(
      () => parseReference(text),
      (error: unknown) => {
        assert.ok(isInvalidArgument(error));
        assert.equal((error as Error).message, message);
        return true;
      },
    );
  });
}

test("withDefaultTag: adds latest only where there is neither tag nor digest", () => {
  const whole = (text: string): string => formatReference(withDefaultTag(parseReference(text)));
  assert.equal(whole("a"), "docker.io/library/a:latest");
  assert.equal(whole("a:b"), "docker.io/library/a:b");
  assert.equal(whole(`a@${DIGEST}`), `docker.io/library/a@${DIGEST}`);
});

test("withTag: replaces tag and digest, and refuses what is no tag", () => {
  assert.equal(familiarReference(withTag(parseReference(`a:b@${DIGEST}`), "c")), "a:c");
  for (const tag of ["", "-a", "a/b", "a b", "x".repeat(129)])
    assert.throws(() => withTag(parseReference("a"), tag), { message: "invalid tag format" });
});

test("withDigest, repositoryOf and familiarName: leave the tag behind", () => {
  const reference = parseReference("bitnami/redis:7");
  assert.equal(familiarReference(withDigest(reference, parseDigest(DIGEST))), `bitnami/redis@${DIGEST}`);
  assert.equal(familiarReference(repositoryOf(reference)), "bitnami/redis");
  assert.equal(familiarName(reference), "bitnami/redis");
});

const component = fc.stringMatching(/^[a-z0-9]{1,6}((\.|_|__|-{1,3})[a-z0-9]{1,4}){0,2}$/);
const domain = fc.stringMatching(/^([a-z][a-z0-9]{0,4}\.[a-z]{2,3}|localhost|\[::[0-9a-f]{1,4}\])(:[1-9][0-9]{0,3})?$/);
const reference = fc.record(
  {
    domain,
    path: fc.array(component, { minLength: 1, maxLength: 4 }).map((parts) => parts.join("/")),
    tag: fc.stringMatching(/^\w[\w.-]{0,10}$/),
    digest: fc.constantFrom(parseDigest(DIGEST)),
  },
  { requiredKeys: ["domain", "path"] },
);

test("parseReference: gives back what formatReference and familiarReference write", () => {
  fc.assert(
    fc.property(reference, (value) => {
      assert.deepEqual({ ...parseReference(formatReference(value)) }, { ...value });
      assert.deepEqual({ ...parseReference(familiarReference(value)) }, { ...value });
    }),
  );
});

test("parseReference: answers or refuses any text, never fails otherwise", () => {
  const text = fc.oneof(fc.string(), fc.stringMatching(/^[a-zA-Z0-9/:@._\-[\]]{0,40}$/));
  fc.assert(
    fc.property(text, (value) => {
      try {
        const parsed = parseReference(value);
        assert.deepEqual(parseReference(formatReference(parsed)), parsed);
      } catch (error) {
        if (!isInvalidArgument(error)) throw error;
      }
    }),
  );
});
