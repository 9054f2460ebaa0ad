import { MS } from "./constants.ts";
import { callMount } from "./mounts.ts";
import { EngineError, ErrorCode } from "#errors";
import { syscallError } from "./syscallError.ts";

/** A mount as fstab(5) has it. */
export interface NamedMount {
  /** Device, directory or what the filesystem takes for one. */
  readonly source: string;
  readonly target: string;
  /** `tmpfs`, `nfs`, …; none for a bind mount. */
  readonly type: string;
  /** Comma separated: flags of mount(8) and the filesystem's own. */
  readonly options: string;
}

interface Flag {
  readonly bits: number;
  readonly clear?: boolean;
}

const set = (bits: number): Flag => ({ bits });
const clear = (bits: number): Flag => ({ bits, clear: true });

/** mount(8), FILESYSTEM-INDEPENDENT MOUNT OPTIONS, as far as they are bits of mount(2). */
const FLAGS: Readonly<Record<string, Flag>> = {
  defaults: set(0),
  ro: set(MS.RDONLY),
  rw: clear(MS.RDONLY),
  suid: clear(MS.NOSUID),
  nosuid: set(MS.NOSUID),
  dev: clear(MS.NODEV),
  nodev: set(MS.NODEV),
  exec: clear(MS.NOEXEC),
  noexec: set(MS.NOEXEC),
  sync: set(MS.SYNCHRONOUS),
  async: clear(MS.SYNCHRONOUS),
  dirsync: set(MS.DIRSYNC),
  remount: set(MS.REMOUNT),
  mand: set(MS.MANDLOCK),
  nomand: clear(MS.MANDLOCK),
  atime: clear(MS.NOATIME),
  noatime: set(MS.NOATIME),
  diratime: clear(MS.NODIRATIME),
  nodiratime: set(MS.NODIRATIME),
  relatime: set(MS.RELATIME),
  norelatime: clear(MS.RELATIME),
  strictatime: set(MS.STRICTATIME),
  nostrictatime: clear(MS.STRICTATIME),
  bind: set(MS.BIND),
  rbind: set(MS.BIND | MS.REC),
  unbindable: set(MS.UNBINDABLE),
  runbindable: set(MS.UNBINDABLE | MS.REC),
  private: set(MS.PRIVATE),
  rprivate: set(MS.PRIVATE | MS.REC),
  slave: set(MS.SLAVE),
  rslave: set(MS.SLAVE | MS.REC),
  shared: set(MS.SHARED),
  rshared: set(MS.SHARED | MS.REC),
};

const PROPAGATION = MS.UNBINDABLE | MS.PRIVATE | MS.SLAVE | MS.SHARED;

/** `ro,noexec,size=1m` → bits of mount(2), and what is left for the filesystem. */
export function parseMountOptions(text: string): { readonly flags: number; readonly data: string } {
  let flags = 0;
  const data: string[] = [];
  for (const option of text.split(",")) {
    const flag = FLAGS[option];
    if (flag !== undefined) flags = flag.clear === true ? flags & ~flag.bits : flags | flag.bits;
    else if (option !== "") data.push(option);
  }
  return { flags, data: data.join(",") };
}

/** What was tried and why it failed, in Docker's words. */
function failure({ source, target }: NamedMount, call: { flags: number; data: string; errno: number }): EngineError {
  const { flags, data, errno } = call;
  const { message, details, category } = syscallError({ syscall: "mount", path: undefined, errno });
  const why = message.replace(/^mount: /, "");
  const place = source === "" ? target : `${source}:${target}`;
  const told = `${flags === 0 ? "" : `, flags: 0x${flags.toString(16)}`}${data === "" ? "" : `, data: ${data}`}`;
  // A missing device is no missing object of ours.
  return new EngineError(
    category === "not_found" ? "internal" : category,
    ErrorCode.SYSCALL,
    `mount ${place}${told}: ${why}`,
    details === undefined ? {} : { details },
  );
}

/**
 * Mounts as mount(8) would, for filesystems that need no helper program; a bind mount with `ro`, `nosuid`… is changed
 * afterwards, as the kernel wants it. May wait for a server: runs on libuv's pool.
 * @throws `mount SOURCE:TARGET, flags: 0x1000, data: …: no such file or directory`
 */
export async function mountByName(what: NamedMount): Promise<void> {
  const { source, target, type } = what;
  const { flags, data } = parseMountOptions(what.options);
  const own = flags & ~PROPAGATION;
  const attempt = async (bits: number, text: string): Promise<void> => {
    const { result, errno } = await callMount({ source, target, type, flags: bits, options: text });
    if (result < 0) throw failure(what, { flags: bits, data: text, errno });
  };
  await attempt(own, data);
  if ((flags & PROPAGATION) !== 0) await attempt(flags & (PROPAGATION | MS.REC), "");
  if ((own & MS.BIND) !== 0 && (own & ~(MS.BIND | MS.REC)) !== 0) await attempt(own | MS.REMOUNT, data);
}
