import assert from "node:assert/strict";
import { test } from "node:test";
import { appArmorProfile, appliedProfile } from "./chooseProfile.ts";
import { profileText } from "./profileText.ts";

const host = (SecurityOpt: readonly string[] | null, Privileged = false) => ({ SecurityOpt, Privileged });

test("a container has the default profile, its own, or none", () => {
  const shown = (of: ReturnType<typeof host>): string => appArmorProfile(of, "docker-default");
  const applied = (of: ReturnType<typeof host>): string | undefined => appliedProfile(of, "docker-default");
  assert.equal(shown(host(null)), "docker-default");
  assert.equal(applied(host(null)), "docker-default");
  assert.equal(shown(host(null, true)), "unconfined");
  assert.equal(applied(host(null, true)), undefined);
  assert.equal(applied(host(["apparmor=own"], true)), "own");
  assert.equal(shown(host(["apparmor:unconfined"])), "unconfined");
  assert.equal(applied(host(["apparmor:unconfined"])), undefined);
});

test("a host without AppArmor applies nothing and shows what was asked for", () => {
  assert.equal(appArmorProfile(host(null), undefined), "");
  assert.equal(appArmorProfile(host(null, true), undefined), "");
  assert.equal(appArmorProfile(host(["apparmor=own"]), undefined), "own");
  assert.equal(appliedProfile(host(["apparmor=own"]), undefined), undefined);
});

test("the policy includes only what the host's AppArmor brings", () => {
  assert.match(
    profileText(() => true),
    /^#include <tunables\/global>\nprofile docker-default .*\n {2}#include <abstractions\/base>/,
  );
  const alone = profileText(() => false);
  assert.doesNotMatch(alone, /#include/);
  assert.match(alone, /\n {2}deny mount,\n/);
});
