import { Socket } from "node:net";
import { syscallError } from "./syscallError.ts";

interface PipeHandle {
  open(fd: number): number;
}

interface PipeBinding {
  readonly Pipe: new (type: number) => PipeHandle;
  readonly constants: { readonly SOCKET: number };
}

/** `process.binding` has no types: it is Node's private door. */
type BindingLoader = (name: "pipe_wrap") => PipeBinding;

/**
 * Lets the event loop watch an fd that `net.Socket({ fd })` refuses by its kind (SEQPACKET sockets, pidfds). libuv itself
 * reads any pollable fd; only Node's wrapper checks. Costs no thread, unlike a blocking read or a poll loop of our own, and
 * cannot keep the process from exiting. Node is pinned, and a test holds this door open. Takes over the fd.
 */
export function openSocket(fd: number): Socket {
  const load = Reflect.get(process, "binding") as BindingLoader;
  const { Pipe, constants } = load.call(process, "pipe_wrap");
  const handle = new Pipe(constants.SOCKET);
  const status = handle.open(fd);
  if (status !== 0) throw syscallError({ syscall: "watch", path: `fd ${fd}`, errno: -status });
  // `handle` is the option that Node's own servers make their sockets with; its types leave it out.
  const options: object = { handle, allowHalfOpen: true };
  return new Socket(options);
}
