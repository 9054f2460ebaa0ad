import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { SandboxFacts, SandboxService } from "#networks";
import { etcFilesAt } from "../rootfs/etcFiles.ts";
import type { EtcFiles } from "../rootfs/etcFiles.ts";
import type { Layout } from "../runtime/paths.ts";
import type { StepIsolation } from "./stepRunner.ts";

/** What a step needs whatever it runs, made ahead while another one runs. */
export interface StepSlot {
  readonly id: string;
  readonly network: StepIsolation["network"];
  /** The bundle: on the host, nothing in it but the files of /etc. */
  readonly directory: string;
  /** For what is written, on the disk of the data root. */
  readonly scratch: string;
  /** For the root. */
  readonly place: Place;
  readonly etc: EtcFiles;
  /** undefined: the host's */
  readonly networkNamespace: string | undefined;
}

/** What an overlay is made at. */
export type Place = Readonly<Record<"upper" | "work" | "target", string>>;

/** Short enough for sockets below it, whose paths the kernel limits. */
const ID_BYTES = 16;
/** A build that goes on takes the next one sooner. */
const SPARE_MS = 2000;

interface Spare {
  readonly network: StepSlot["network"];
  readonly slot: Promise<StepSlot>;
}

export function newStepId(): string {
  return randomBytes(ID_BYTES).toString("hex");
}

/** Makes, keeps and takes away slots: at most one spare one, for a moment. */
export class StepSlots {
  readonly #layout: Layout;
  readonly #sandboxes: SandboxService;
  readonly #report: (error: unknown) => void;
  #spare: Spare | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(layout: Layout, sandboxes: SandboxService, report: (error: unknown) => void) {
    this.#report = report;
    this.#layout = layout;
    this.#sandboxes = sandboxes;
  }

  async take(network: StepSlot["network"]): Promise<StepSlot> {
    const spare = this.#spare?.network === network ? this.#forget() : undefined;
    return (await spare?.slot.catch(() => undefined)) ?? this.#make(network);
  }

  /** Makes a spare one, if there is none. */
  prepare(network: StepSlot["network"]): void {
    if (this.#spare !== undefined || this.#isClosed) return;
    const slot = this.#make(network);
    slot.catch(() => undefined); // who takes it makes another, and meets the failure
    this.#spare = { network, slot };
    this.#timer = setTimeout(() => void this.#drop().catch(this.#report), SPARE_MS).unref();
  }

  #forget(): Spare | undefined {
    clearTimeout(this.#timer);
    const spare = this.#spare;
    this.#spare = undefined;
    return spare;
  }

  async #drop(): Promise<void> {
    const slot = await this.#forget()?.slot.catch(() => undefined);
    if (slot !== undefined) await this.remove(slot.id);
  }

  async #make(network: StepSlot["network"]): Promise<StepSlot> {
    const id = newStepId();
    const [directory, scratch] = [this.#layout.step(id), this.#layout.stepScratch(id)];
    try {
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      mkdirSync(scratch, { recursive: true, mode: 0o700 });
      const etc = etcFilesAt(directory);
      const facts = networkFacts(id, network, etc);
      this.#sandboxes.declare(facts, {});
      const networkNamespace = await this.#sandboxes.open(facts);
      const resolvConf = readFileSync(etc.resolvConf, "utf8");
      writeFileSync(etc.resolvConf, withoutComments(resolvConf), { mode: 0o644 });
      const place = makePlace(scratch, "root");
      return { id, network, directory, scratch, place, etc, networkNamespace };
    } catch (error) {
      await this.remove(id);
      throw error;
    }
  }

  /** Idempotent. */
  async remove(id: string): Promise<void> {
    this.#sandboxes.forget(id);
    await rm(this.#layout.step(id), { recursive: true, force: true });
    await rm(this.#layout.stepScratch(id), { recursive: true, force: true });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#drop();
  }
}

/** Makes the directories of a mount below a slot's scratch. */
export function makePlace(scratch: string, name: string): Place {
  const folder = join(scratch, name);
  const place = { upper: join(folder, "upper"), work: join(folder, "work"), target: join(folder, "merged") };
  mkdirSync(folder, { mode: 0o711 });
  for (const path of Object.values(place)) mkdirSync(path, { mode: 0o755 });
  return place;
}

function networkFacts(id: string, network: StepSlot["network"], etc: EtcFiles): SandboxFacts {
  return {
    containerId: id,
    name: id,
    hostname: id,
    domainname: "",
    mode: network === "default" ? "bridge" : network,
    exposed: [],
    bindings: {},
    publishAll: false,
    dns: [],
    dnsOptions: [],
    dnsSearch: [],
    extraHosts: [],
    links: [],
    hostsFile: etc.hosts,
    resolvConfFile: etc.resolvConf,
    isQuiet: true,
  };
}

function withoutComments(text: string): string {
  return text
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => `${line}\n`)
    .join("");
}
