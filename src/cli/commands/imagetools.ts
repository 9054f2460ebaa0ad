import { findEngineError, isNotFound, messageOf } from "#errors";
import { formatReference, parseReference, withDefaultTag } from "#oci";
import type { Reference } from "#oci";
import { Builders, checkContext } from "../builders/builders.ts";
import { defineCommand } from "../core/command.ts";
import type { Command } from "../core/command.ts";
import { CommandError, isCommandError } from "../core/commandError.ts";
import { boolFlag, listFlag, stringFlag } from "../core/flags.ts";
import type { Session } from "../core/session.ts";
import { combine, findSource } from "../imagetools/combine.ts";
import type { CombinedImage, FoundSource } from "../imagetools/combine.ts";
import { ImageCopier } from "../imagetools/copyImage.ts";
import { ImageLoader } from "../imagetools/loadImage.ts";
import { imageTemplate, imageText, wantsText } from "../imagetools/showImage.ts";
import { parseSources } from "../imagetools/sources.ts";
import { openBuildScreen, PROGRESS_MODES } from "../progress/solveDisplay.ts";
import type { BuildScreen } from "../progress/solveDisplay.ts";
import { TEMPLATE_PREFIX } from "../template/templateError.ts";
import { RegistryCalls } from "../registry/registryCalls.ts";
import type { RemoteDocument } from "../registry/registryCalls.ts";

const BUILDER = stringFlag(undefined, "Override the configured builder instance");

/** buildx's way of failing: everything behind `ERROR:`. */
async function failing<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (isCommandError(error)) throw error;
    throw new CommandError(`ERROR: ${messageOf(error).replace(TEMPLATE_PREFIX, "")}`);
  }
}

/** @throws `docker.io/library/x:latest: not found` */
async function found<T>(reference: Reference, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (isNotFound(error)) throw new Error(`${formatReference(reference)}: not found`, { cause: error });
    throw error;
  }
}

interface InspectWish {
  readonly name: string;
  readonly format: string;
  readonly raw: boolean;
}

async function inspected(registry: RegistryCalls, wish: InspectWish, print: (text: string) => void): Promise<void> {
  if (wish.format !== "" && wish.raw) throw new Error("format and raw cannot be used together");
  const reference = withDefaultTag(parseReference(wish.name));
  const document: RemoteDocument = await found(reference, registry.document(formatReference(reference)));
  if (wish.raw) return print(document.raw.toString("utf8"));
  if (wish.format === "") return print(imageText(reference, document));
  const render = imageTemplate(wish.format);
  const images = await new ImageLoader(registry, reference).load(document);
  if (wantsText(wish.format)) return print(imageText(reference, document));
  try {
    print(render(wish.name, document, images));
  } catch (error) {
    // What a template wrote before it failed is out, as in Go.
    const printed = findEngineError(error)?.details?.["printed"];
    if (typeof printed === "string") print(printed);
    throw error;
  }
}

/** `varve buildx imagetools inspect`. */
export const imagetoolsInspect: Command = defineCommand({
  use: "[OPTIONS] NAME",
  short: "Show details of an image in the registry",
  examples: `buildx imagetools inspect nginx
buildx imagetools inspect --format '{{json .Provenance}}' example.com/app:1`,
  args: { min: 1, max: 1 },
  flags: {
    builder: BUILDER,
    format: stringFlag(undefined, "Format the output using the given Go template"),
    raw: boolFlag(undefined, "Show original, unformatted JSON manifest"),
  },
  async run({ session, flags, args: [name = ""] }) {
    const wish = { name, format: flags.format, raw: flags.raw };
    await failing(async () => checkContext(session, new Builders(session).find(flags.builder)));
    await failing(() => inspected(new RegistryCalls(session), wish, (text) => session.print(text)));
    return undefined;
  },
});

/** Tells a screen what one push does. */
class PushSteps {
  readonly #screen: BuildScreen;
  readonly #vertex: { readonly digest: string; readonly name: string; readonly started: string };

  constructor(screen: BuildScreen, tag: string) {
    this.#screen = screen;
    const name = `[internal] pushing ${tag}`;
    this.#vertex = { digest: name, name, started: new Date().toISOString() };
    screen.update({ vertexes: [this.#vertex] });
  }

  log(line: string): void {
    const data = Buffer.from(`${line}\n`).toString("base64");
    const timestamp = new Date().toISOString();
    this.#screen.update({ logs: [{ vertex: this.#vertex.digest, stream: 1, data, timestamp }] });
  }

  end(error?: string): void {
    const completed = new Date().toISOString();
    this.#screen.update({ vertexes: [{ ...this.#vertex, completed, ...(error === undefined ? {} : { error }) }] });
  }
}

interface Push {
  readonly registry: RegistryCalls;
  readonly image: CombinedImage;
  readonly sources: readonly FoundSource[];
}

async function pushTo(tag: Reference, { registry, image, sources }: Push, steps: PushSteps): Promise<void> {
  const name = formatReference(tag);
  const foreign = sources.filter(
    ({ source: { reference } }) => reference.domain !== tag.domain || reference.path !== tag.path,
  );
  const copier = new ImageCopier(registry, tag);
  try {
    await Promise.all(
      foreign.map(async (one) => {
        const { digest, mediaType } = one.descriptor;
        steps.log(`copying ${digest} from ${one.name} to ${name}`);
        await copier.copy(one.source.reference, { digest, mediaType, raw: one.raw });
      }),
    );
    steps.log(`pushing ${image.digest} to ${name}`);
    await registry.put(formatReference(withDefaultTag(tag)), image);
    steps.end();
  } catch (error) {
    steps.end(messageOf(error));
    throw error;
  }
}

interface CreateFlags {
  readonly annotation: readonly string[];
  readonly append: boolean;
  readonly "dry-run": boolean;
  readonly file: readonly string[];
  readonly progress: string;
  readonly tag: readonly string[];
}

async function created(session: Session, flags: CreateFlags, sourceNames: readonly string[]): Promise<void> {
  if (sourceNames.length === 0 && flags.file.length === 0) throw new Error("no sources specified");
  if (!flags["dry-run"] && flags.tag.length === 0)
    throw new Error("can't push with no tags specified, please set --tag or --dry-run");
  const { file: files, tag, append } = flags;
  const { tags, sources } = parseSources({ files, tags: tag, sources: sourceNames, append });
  const registry = new RegistryCalls(session);
  const all = await Promise.all(
    sources.map((source) => found(withDefaultTag(source.reference), findSource(registry, source))),
  );
  const image = combine(all, flags.annotation);
  if (flags["dry-run"]) return session.print(`${image.raw.toString("utf8")}\n`);
  const mode = PROGRESS_MODES.find((known) => known === flags.progress);
  if (mode === undefined) throw new Error(`invalid progress mode ${flags.progress}`);
  const screen = openBuildScreen(session.stderr, { mode, description: "", corner: "" });
  try {
    const pushes = await Promise.allSettled(
      tags.map((to) => pushTo(to, { registry, image, sources: all }, new PushSteps(screen, formatReference(to)))),
    );
    const failed = pushes.find((push) => push.status === "rejected");
    if (failed !== undefined) throw failed.reason;
  } finally {
    screen.close();
  }
}

/** `varve buildx imagetools create`: images are put together in registries; nothing is pulled. */
export const imagetoolsCreate: Command = defineCommand({
  use: "[OPTIONS] [SOURCE] [SOURCE...]",
  short: "Create a new image based on source images",
  examples: `buildx imagetools create -t example.com/app:1 example.com/app:amd64 example.com/app:arm64
buildx imagetools create --dry-run --append -t example.com/app:1 example.com/app:riscv64`,
  args: { min: 0 },
  flags: {
    annotation: { ...listFlag(undefined, "Add annotation to the image"), typeName: "stringArray" },
    append: boolFlag(undefined, "Append to existing manifest"),
    builder: BUILDER,
    "dry-run": boolFlag(undefined, "Show final image instead of pushing"),
    file: { ...listFlag("f", "Read source descriptor from file"), typeName: "stringArray" },
    progress: {
      ...stringFlag(
        undefined,
        'Set type of progress output ("auto", "plain", "tty"). Use plain to show container output',
        { shownDefault: '"auto"' },
      ),
      initial: "auto",
    },
    tag: { ...listFlag("t", "Set reference for new image"), typeName: "stringArray" },
  },
  async run({ session, flags, args }) {
    await failing(async () => {
      checkContext(session, new Builders(session).find(flags.builder));
      await created(session, flags, args);
    });
    return undefined;
  },
});
