/**
 * `varve` and the real docker command line on one daemon: same stdout, stderr and exit code, byte for byte. The daemon is
 * one of ours; VARVE_PARITY_SOCKET names another (dockerd), so that the client is judged by itself.
 */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { CHANGING_LINES, CONTAINER_LINES } from "./support/containerLines.ts";
import { startDaemon } from "./support/daemon.ts";
import type { TestDaemon } from "./support/daemon.ts";
import { dockerMajor, runBoth } from "./support/parity.ts";
import { must, run } from "./support/process.ts";
import { busyboxRootfs } from "./support/rootfs.ts";

/** The docker command line whose words ours are; older ones word their usage errors otherwise. */
const WORDED_SINCE = 28;
const IMAGE = "parity/base:1";

/** Same on every docker command line since 26. */
const COMMON: readonly (readonly string[])[] = [
  ["images", "parity/base"],
  ["images", "-q", "--no-trunc", "parity/base"],
  ["images", "--digests", "parity/base"],
  ["images", "--format", "{{.ID}}|{{.Repository}}|{{.Tag}}|{{.Size}}|{{.CreatedAt}}|{{.VirtualSize}}", "parity/base"],
  ["images", "--format", "json", "parity/base"],
  ["images", "--format", "table {{.ID}}\\t{{upper .Tag}} {{truncate .Repository 3}}", "parity/base"],
  ["images", "--format", '{{printf "%-8s|%5s|%q|%d" .Tag .Tag .ID .Size}} {{len .ID}} {{index .ID 1}}', "parity/base"],
  ["images", "--format", '{{if eq .Tag "1"}}one{{else}}other{{end}} {{json .Tag}} {{split .ID "0"}}', "parity/base"],
  ["images", "--format", "{{.Foo}}", "parity/base"],
  ["images", "--format", "{{range .ID}}{{end}}", "parity/base"],
  ["images", "--filter", "foo=bar"],
  ["images", "--filter", "reference=parity/*"],
  ["history", IMAGE],
  ["history", "--no-trunc", "--format", "{{.CreatedBy}}|{{.Comment}}|{{.Size}}", IMAGE],
  ["history", "-q", IMAGE],
  ["history", "nosuch"],
  ["inspect", IMAGE],
  ["inspect", "-f", "{{.Config.Cmd}} {{.Os}}/{{.Architecture}} {{.RootFS.Layers}} {{json .Config.Labels}}", IMAGE],
  ["inspect", "-f", "{{.Id}} {{range $k, $v := .GraphDriver.Data}}{{$k}};{{end}}", IMAGE],
  ["inspect", "-f", "{{.Nope}}", IMAGE],
  ["inspect", "-f", "{{.Nope", IMAGE],
  ["inspect", "-f", "{{nope}}", IMAGE],
  ["inspect", "nosuch"],
  ["image", "inspect", "nosuch", IMAGE, "-f", "{{.Id}}"],
  ["tag", "nosuch", "parity/other"],
  ["rmi", "nosuch", "nosuch2"],
  ["rmi", "-f", "nosuch"],
  ["save", "nosuch"],
  ["ps", "-a", "--filter", "name=parity"],
  [
    "ps",
    "-a",
    "--filter",
    "name=parity",
    "--format",
    '{{.Names}}|{{.Image}}|{{.Command}}|{{.State}}|{{.Label "k"}}|{{.Size}}',
  ],
  ["ps", "-f", "bad=1"],
  ["logs", "parity-ended"],
  ["logs", "nosuch"],
  ["wait", "parity-ended"],
  ["wait", "nosuch"],
  ["kill", "parity-ended"],
  ["rm", "nosuch"],
  ["rm", "-f", "nosuch"],
  ["start", "-a", "parity-ended"],
  ["start", "nosuch"],
  ["run", "--rm", "--network", "none", IMAGE, "sh", "-c", "echo out; echo err >&2; exit 3"],
  ["run", "--rm", "--network", "none", "-e", "A=1", "-w", "/tmp", "-u", "33", "--entrypoint", "/bin/id", IMAGE],
  ["run", "-it", IMAGE, "true"],
  ["system", "df", "--format", "{{.Type}}: {{.TotalCount}}"],
  ["system", "df", "-v"],
  ["system", "df", "-v", "--format", "{{json .Volumes}}{{range .Images}}{{.Repository}} {{.Size}};{{end}}"],
  ["events", "--since", "1", "--until", "2"],
  ["events", "--since", "10m", "--until", "0s", "--format", "{{json .}} {{.From}} {{.Status}} {{.Scope}}"],
  ["version", "--format", "{{json .Server}} {{.Server.Experimental}} {{.Server.MinAPIVersion}}"],
  ["info", "--format", "{{json .Plugins}}"],
  ["version", "--format", "{{.Server.Version}} {{.Server.APIVersion}} {{.Server.Os}}"],
  ["version", "--format", "{{.Server.Version}} {{.Server.Nope}}"],
  ["info", "--format", "{{.Driver}} {{.ServerVersion}} {{.OSType}}"],
];

/** Worded anew in docker 27 and 28. */
const WORDED: readonly (readonly string[])[] = [
  ["nosuch"],
  ["image", "nosuch"],
  ["pull"],
  ["pull", "a", "b"],
  ["rmi"],
  ["tag", "a"],
  ["images", "--nosuch"],
  ["images", "-Z"],
  ["run"],
  ["run", "--nosuch"],
  ["run", "-e"],
  ["run", "--rm=x", IMAGE],
  ["run", "-a", "foo", IMAGE],
  ["run", "--pull", "foo", IMAGE],
  ["run", "--pull", "never", "nosuch/image"],
  ["run", "--rm", "--network", "none", IMAGE, "nosuchprogram"],
  ["ps", "-f", "bad"],
  ["inspect", "--type", "foo", "x"],
  ["version", "-f", "{{.Foo}}"],
  ["info", "-f", "{{.Foo"],
  ["pull", "--nosuch"],
  ["events", "--until", "0s", "--format", "{{.Nope}}"],
  ["events", "--until", "0s", "--format", "{{"],
  ["inspect", "-s", "-f", "{{.Os}}", IMAGE],
  ["-H", "foo://x", "images"],
];

describe("the command line, beside docker's", () => {
  let daemon: TestDaemon | undefined;
  let socket = process.env["VARVE_PARITY_SOCKET"] ?? "";
  let config = "";
  let major = 0;
  const docker = (...args: string[]): Promise<string> =>
    must("docker", args, { env: { DOCKER_HOST: `unix://${socket}` } });

  before(async () => {
    if (socket === "") {
      daemon = await startDaemon();
      socket = daemon.socket;
    }
    major = await dockerMajor();
    config = await mkdtemp(join(tmpdir(), "varve-parity-"));
    await must("docker", ["import", "-c", 'CMD ["/bin/true"]', "-c", "LABEL k=v", "-m", "a & b", "-", IMAGE], {
      env: { DOCKER_HOST: `unix://${socket}` },
      input: await busyboxRootfs(),
    });
    await docker(
      "create",
      "--name",
      "parity-ended",
      "--network",
      "none",
      "-l",
      "k=v",
      IMAGE,
      "sh",
      "-c",
      "echo hi; exit 4",
    );
    await must("sh", ["-c", "docker start -a parity-ended; true"], { env: { DOCKER_HOST: `unix://${socket}` } });
    const body = "echo one; echo two >&2; while :; do sleep 1; done";
    await docker("run", "-d", "--name", "parity-up", "--network", "none", "-l", "k=v", IMAGE, "sh", "-c", body);
  });

  after(async () => {
    await docker("rm", "-f", "parity-ended", "parity-up");
    await docker("rmi", "-f", IMAGE);
    await daemon?.[Symbol.asyncDispose]();
    await rm(config, { recursive: true });
  });

  const compare = async (args: readonly string[]): Promise<void> => {
    const { docker: theirs, varve: ours } = await runBoth(socket, args, { env: { DOCKER_CONFIG: config } });
    assert.deepEqual(ours, theirs);
  };

  for (const args of COMMON) {
    test(`parity: ${args.join(" ")}`, async (context) => {
      // 26 prints inspect's typed structs and its empty lines otherwise.
      if (major < WORDED_SINCE && args[0] === "inspect") {
        context.diagnostic(`docker ${major} here; compared by exit code only`);
        const { docker: theirs, varve: ours } = await runBoth(socket, args, { env: { DOCKER_CONFIG: config } });
        assert.equal(ours.code, theirs.code);
        return;
      }
      await compare(args);
    });
  }

  for (const args of WORDED) {
    test(`parity: words and exit code of ${args.join(" ")}`, async (context) => {
      if (major < WORDED_SINCE) context.skip(`docker ${major} here, its words changed in ${WORDED_SINCE}`);
      else await compare(args);
    });
  }

  for (const args of CONTAINER_LINES) {
    test(`parity: containers: ${args.join(" ")}`, async (context) => {
      if (major < WORDED_SINCE) context.skip(`docker ${major} here, its words changed in ${WORDED_SINCE}`);
      else await compare(args);
    });
  }

  for (const { args, undo } of CHANGING_LINES) {
    test(`parity: changes: ${args.join(" ")}`, async (context) => {
      if (major < WORDED_SINCE) return context.skip(`docker ${major} here, its words changed in ${WORDED_SINCE}`);
      const host = `unix://${socket}`;
      const env = { DOCKER_CONFIG: config, DOCKER_HOST: host, VARVE_HOST: host };
      const theirs = await run("docker", args, { env });
      await docker(...undo);
      const ours = await run(join(import.meta.dirname, "../../bin/varve"), args, { env });
      await docker(...undo);
      assert.deepEqual(ours, theirs);
    });
  }

  test("parity: what one saves the other loads, over pipes", async () => {
    const env = { DOCKER_CONFIG: config, DOCKER_HOST: `unix://${socket}` };
    const loaded = await must("sh", ["-c", `bin/varve save ${IMAGE} | docker load`], {
      env,
      cwd: join(import.meta.dirname, "../.."),
    });
    assert.equal(loaded, `Loaded image: ${IMAGE}\n`);
    const back = await must("sh", ["-c", `docker save ${IMAGE} | bin/varve load`], {
      env,
      cwd: join(import.meta.dirname, "../.."),
    });
    assert.equal(back, `Loaded image: ${IMAGE}\n`);
  });

  test("parity: stdin reaches the container and ends", async () => {
    const { docker: theirs, varve: ours } = await runBoth(
      socket,
      ["run", "--rm", "-i", "--network", "none", IMAGE, "cat"],
      {
        env: { DOCKER_CONFIG: config },
        input: "through\n",
      },
    );
    assert.deepEqual(ours, theirs);
    assert.equal(ours.stdout, "through\n");
  });
});
