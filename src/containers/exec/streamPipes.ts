import { closeSync } from "node:fs";
import { closePipe, openPipe, pipeStream } from "#host";
import type { PipeEnds } from "#host";
import type { ProcessStreams } from "./streamProcess.ts";

/** The three streams of a process to come. */
export interface Pipes {
  readonly stdin: PipeEnds | undefined;
  readonly stdout: PipeEnds;
  readonly stderr: PipeEnds;
}

export const openPipes = (stdin: boolean): Pipes => ({
  stdin: stdin ? openPipe() : undefined,
  stdout: openPipe(),
  stderr: openPipe(),
});

/** What the child gets. */
export const childEnds = ({ stdin, stdout, stderr }: Pipes): readonly [number | "ignore", number, number] => [
  stdin?.readEnd ?? "ignore",
  stdout.writeEnd,
  stderr.writeEnd,
];

/** Once it has them. */
export function closeChildEnds(pipes: Pipes): void {
  for (const fd of childEnds(pipes)) if (fd !== "ignore") closeSync(fd);
}

export const ourEnds = ({ stdin, stdout, stderr }: Pipes): ProcessStreams => ({
  input: stdin === undefined ? undefined : pipeStream(stdin.writeEnd, "writable"),
  outputs: [
    ["stdout", pipeStream(stdout.readEnd, "readable")],
    ["stderr", pipeStream(stderr.readEnd, "readable")],
  ],
});

/** When nothing came of it. */
export function closePipes(pipes: Pipes): void {
  for (const pipe of Object.values(pipes)) if (pipe !== undefined) closePipe(pipe);
}
