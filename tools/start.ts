/**
 * The main job of `npm start`: a real Debian image comes in, is looked at, moved and run through the `varve` command.
 * Prints what it did and how long each step took; leaves the daemon running.
 */
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const VARVE = resolve(import.meta.dirname, "../bin/varve");
const IMAGE = "debian:12-slim";
const REGISTRY_PATIENCE_MS = 45_000;

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program; its standard error is shown while it works when `live`. */
function run(
  file: string,
  args: readonly string[],
  options: { readonly live?: boolean; readonly timeoutMs?: number } = {},
): Promise<Ran> {
  return new Promise((done) => {
    const child = spawn(file, args, {
      stdio: ["ignore", "pipe", "pipe"],
      ...(options.timeoutMs === undefined ? {} : { timeout: options.timeoutMs }),
    });
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (chunk: Buffer) => {
      stdout += chunk.toString();
      if (options.live === true) process.stdout.write(chunk);
    });
    child.stderr.on("data", (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    child.on("error", (error) => done({ code: 127, stdout, stderr: error.message }));
    child.on("close", (code) => done({ code: code ?? 1, stdout, stderr }));
  });
}

async function step(title: string, args: readonly string[], show: (ran: Ran) => string): Promise<Ran> {
  const started = performance.now();
  const ran = await run(VARVE, args);
  const took = `${Math.round(performance.now() - started)} ms`;
  if (ran.code !== 0) {
    process.stderr.write(`start: varve ${args.join(" ")} failed: ${ran.stderr.trim()}\n`);
    process.exit(1);
  }
  process.stdout.write(`\n$ varve ${args.join(" ")}    # ${title}, ${took}\n`);
  const text = show(ran).trimEnd();
  if (text !== "") process.stdout.write(`${text.replace(/^/gm, "  ")}\n`);
  return ran;
}

const all = (ran: Ran): string => ran.stdout;
const RUN_HELLO = ["run", "-d", "--name", "hello", "--hostname", "hello", "-v", "/data"];
const lines = (count: number) => (ran: Ran) => ran.stdout.split("\n").slice(0, count).join("\n");

function debianMirror(): string | undefined {
  const found = spawnSync(
    "sh",
    [
      "-c",
      "sed -n 's/^URIs: *//p;s/^deb  *\\(\\[[^]]*\\] \\)\\?\\(http[^ ]*\\) .*/\\2/p' /etc/apt/sources.list.d/*.sources /etc/apt/sources.list 2>/dev/null | grep -i debian | grep -v security | head -n 1",
    ],
    { encoding: "utf8" },
  );
  return found.stdout.trim() === "" ? undefined : found.stdout.trim();
}

/** Debian from Debian's own packages, where no registry can be reached. */
async function bootstrap(folder: string): Promise<void> {
  if ((await run("sh", ["-c", "command -v mmdebstrap"])).code !== 0) {
    process.stdout.write("start: installing mmdebstrap\n");
    const installed = await run("apt-get", ["install", "-y", "-q", "--no-install-recommends", "mmdebstrap"]);
    if (installed.code !== 0) throw new Error(`mmdebstrap could not be installed: ${installed.stderr.trim()}`);
  }
  const rootfs = join(folder, "debian.tar");
  process.stdout.write("start: building a Debian 12 root filesystem with mmdebstrap (about half a minute)\n");
  const mirror = debianMirror();
  const built = await run("mmdebstrap", [
    "--quiet",
    "--variant=minbase",
    "bookworm",
    rootfs,
    ...(mirror === undefined ? [] : [mirror]),
  ]);
  if (built.code !== 0) throw new Error(`mmdebstrap failed: ${built.stderr.trim()}`);
  await step(
    `${Math.round(statSync(rootfs).size / 1e6)} MB, indexed, not unpacked`,
    ["import", "-c", 'CMD ["bash"]', rootfs, IMAGE],
    all,
  );
}

async function getImage(folder: string): Promise<string> {
  if ((await run(VARVE, ["image", "inspect", IMAGE])).code === 0) return "was here already";
  process.stdout.write(`start: asking Docker Hub for ${IMAGE}\n`);
  const pulled = await run(VARVE, ["pull", IMAGE], { live: true, timeoutMs: REGISTRY_PATIENCE_MS });
  if (pulled.code === 0) return "pulled from Docker Hub";
  process.stdout.write(`start: no registry can be reached (${pulled.stderr.trim().split("\n").at(-1) ?? "timeout"})\n`);
  await bootstrap(folder);
  return "built here with mmdebstrap and brought in by varve import";
}

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "varve-start-"));
  try {
    await step(
      "starts the daemon when none runs",
      ["version", "--format", "client {{.Client.Version}}, server {{.Server.Version}}, API {{.Server.APIVersion}}"],
      all,
    );
    const origin = await getImage(folder);
    const archive = join(folder, "image.tar");
    await step("a second name, no bytes", ["tag", IMAGE, "hello:varve"], all);
    await step("what is here", ["images"], lines(6));
    await step(
      "where its layers lie",
      ["inspect", "--format", "{{.GraphDriver.Name}} {{.GraphDriver.Data.MergedDir}}", IMAGE],
      all,
    );
    await step("how it was made", ["history", IMAGE], lines(5));
    await step(
      "an archive for any engine",
      ["save", "-o", archive, "hello:varve"],
      () => `${Math.round(statSync(archive).size / 1e6)} MB`,
    );
    await step("and back", ["load", "-i", archive], all);
    await step("a container on mounted layers", ["run", "--rm", "hello:varve", "cat", "/etc/os-release"], lines(3));
    await step("one that stays, with a volume", [...RUN_HELLO, "hello:varve", "sleep", "1000"], all);
    await step("a command in it", ["exec", "hello", "sh", "-c", "echo written > /data/note; cat /etc/hostname"], all);
    await step("a file out of it", ["cp", "hello:/data/note", join(folder, "note")], all);
    await step("what it uses", ["stats", "--no-stream", "hello"], all);
    await step("gone, and its volume", ["rm", "-f", "-v", "hello"], all);
    process.stdout.write(`\nDone. ${IMAGE} ${origin}; the daemon goes on running.

Try next:
  bin/varve run --rm -it ${IMAGE} bash
  bin/varve run -d --name web -p 8080:80 nginx               # where a registry can be reached
  bin/varve system df -v
  DOCKER_HOST=unix:///run/varve/varve.sock docker images     # the real docker command on varve
  sudo npm run install:system                                # varve on the PATH, completion, systemd unit
`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

try {
  await main();
} catch (error) {
  process.stderr.write(`start: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
