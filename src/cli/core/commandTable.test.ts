import assert from "node:assert/strict";
import { test } from "node:test";
import { COMMANDS, COMMON, findCommand, GROUPS } from "./commandTable.ts";
import { commandHelp, groupHelp, programHelp } from "./help.ts";

test("commands: every path is spelled once", () => {
  const paths = COMMANDS.flatMap((entry) => entry.paths);
  assert.deepEqual(paths, [...new Set(paths)]);
});

test("commands: every group holds one and every common command exists", () => {
  for (const { name } of GROUPS)
    assert.ok(
      COMMANDS.some(({ paths }) => paths[0]?.startsWith(`${name} `)),
      name,
    );
  for (const name of COMMON) assert.ok(findCommand([name]) !== undefined, name);
});

test("commands: other spellings below a group are shown by the full name, short ones by themselves", () => {
  assert.equal(findCommand(["image", "list", "-a"])?.path, "image ls");
  assert.equal(findCommand(["images"])?.path, "images");
  assert.equal(findCommand(["rmi", "ls"])?.path, "rmi");
  assert.equal(findCommand(["image", "nosuch"]), undefined);
});

for (const entry of COMMANDS) {
  test(`commands: ${entry.paths[0]} loads, has the same short text in its help, and its help names the aliases`, async () => {
    const command = await entry.load();
    assert.equal(command.short, entry.short);
    const help = commandHelp(entry.paths[0] ?? "", entry, command);
    assert.match(help, /^Usage: {2}varve /);
    assert.equal(help.includes("Aliases:"), entry.paths.length > 1);
    const shorts = Object.values(command.flags)
      .map((flag) => flag.short)
      .filter((short) => short !== undefined);
    assert.deepEqual(shorts, [...new Set(shorts)]);
  });
}

test("help: the group's help is Docker's layout", () => {
  assert.equal(
    groupHelp("manifest", "Manage Docker image manifests and manifest lists"),
    `Usage:  varve manifest COMMAND

Manage Docker image manifests and manifest lists

Commands:
  annotate    Add additional information to a local image manifest
  create      Create a local manifest list for annotating and pushing to a registry
  inspect     Display an image manifest, or manifest list
  push        Push a manifest list to a repository
  rm          Delete one or more manifest lists from local storage

Run 'varve manifest COMMAND --help' for more information on a command.
`,
  );
});

test("help: the program's help lists every top-level command once", () => {
  const help = programHelp();
  for (const { paths } of COMMANDS) {
    const name = paths.find((path) => !path.includes(" "));
    if (name !== undefined) assert.equal(help.match(new RegExp(`^  ${name} `, "gm"))?.length, 1, name);
  }
});
