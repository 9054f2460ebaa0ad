export { amd64Variants, hostVariant } from "./amd64Variants.ts";
export { erofsSupport } from "./erofsSupport.ts";
export type { ErofsSupport } from "./erofsSupport.ts";
export { lockFile } from "./fileLock.ts";
export type { FileLock } from "./fileLock.ts";
export { statFilesystem, syncFilesystem } from "./filesystems.ts";
export type { FilesystemFacts } from "./filesystems.ts";
export { findProgram } from "./findProgram.ts";
export { peerCredentials } from "./peerCredentials.ts";
export { KeyedLock } from "./keyedLock.ts";
export { isAtLeast, kernelRelease, parseKernelRelease } from "./kernelRelease.ts";
export type { KernelRelease } from "./kernelRelease.ts";
export { mountErofsLoop } from "./loopDevices.ts";
export { bootId, hasFilesystem, hasModule, readMachine } from "./machine.ts";
export type { Machine } from "./machine.ts";
export { adoptOrphans } from "./orphans.ts";
export { listMounts } from "./mountInfo.ts";
export type { MountEntry } from "./mountInfo.ts";
export { bindMount, isMountPoint, makePrivate, mountErofs, unmount } from "./mounts.ts";
export { mountByName } from "./mountByName.ts";
export type { NamedMount } from "./mountByName.ts";
export { MAX_LOWERS, mountOverlay } from "./overlayMount.ts";
export type { OverlayMount } from "./overlayMount.ts";
export { openBeneath, openInRoot, renameNoReplace } from "./pathLookup.ts";
export { processStartTime, reapProcess, waitForProcess } from "./processes.ts";
export { runProgram } from "./runProgram.ts";
export type { ProgramResult } from "./runProgram.ts";
export { dataSegments, punchHole } from "./sparseFiles.ts";
export { spawnProcess } from "./spawnProcess.ts";
export * from "./specialFiles.ts";
export * from "./xattrs.ts";
export { freezeCgroup } from "./freezer.ts";
export { openInflater } from "./inflater.ts";
export type { Inflater, InflateStep } from "./inflater.ts";
export { fromNodeError, isErrno } from "./syscallError.ts";
export {
  cgroupMode,
  keepCgroupsWarm,
  liftCgroupLimit,
  mountLeftoverControllers,
  removeCgroup,
  warmCgroups,
} from "./cgroups.ts";
export type { CgroupMode } from "./cgroups.ts";
export { packetsBehind } from "./packetBatch.ts";
export { connectPacketSocket } from "./packetSocket.ts";
export { DatagramSocket } from "./datagramSocket.ts";
export { compileSeccomp } from "./seccompFilter.ts";
export type { SeccompAction, SeccompArgument, SeccompProfile, SeccompRule } from "./seccompFilter.ts";
export { openGzipCompressor } from "./deflater.ts";
export type { GzipCompressor } from "./deflater.ts";
export { closePipe, openPipe, pipeStream } from "./pipes.ts";
export type { PipeEnds } from "./pipes.ts";
export { findXattr, openConfined, setTimesOf, setXattrOf } from "./fileDescriptors.ts";
export type { Confinement } from "./fileDescriptors.ts";
export { openRootView } from "./rootView.ts";
export type { RootView, ViewMount } from "./rootView.ts";
export {
  addAddress,
  addRoute,
  bridgePort,
  deleteLink,
  deleteRoute,
  findLink,
  leaveBridge,
  linkUp,
  listAddresses,
  listLinks,
  listRoutes,
  newBridge,
  newDummy,
  newSharedLink,
  newVeth,
  newVlan,
} from "./links.ts";
export type { HostRoute, Link, LinkAddress, LinkRoute, SharedLink } from "./links.ts";
export { NetlinkSocket } from "./netlink.ts";
export type { NetlinkRequest } from "./netlink.ts";
export {
  bindSocket,
  createNetworkNamespace,
  inNetworkNamespace,
  removeNetworkNamespace,
  setNetworkSysctl,
} from "./networkNamespaces.ts";
export type { BoundSocket } from "./networkNamespaces.ts";
export { Nftables } from "./nftables.ts";
export { listCgroupProcesses, readCgroupUsage, readInterfaceUse, readProcessorTime } from "./cgroupUsage.ts";
export type { CgroupUsage, InterfaceUse, IoUse } from "./cgroupUsage.ts";
export { forgetFlows } from "./conntrack.ts";
export type { TranslatedPort } from "./conntrack.ts";
export { quickSpawn, sealedCopy } from "./quickSpawn.ts";
export type { QuickCall, QuickChild } from "./quickSpawn.ts";
export { prepareInside } from "./spawnInside.ts";
export type { PreparedInside } from "./spawnInside.ts";
export type { InsideCall } from "./insideProgram.ts";
export { openTerminal, resizeTerminal, terminalStream } from "./pseudoTerminals.ts";
export type { TerminalEnds } from "./pseudoTerminals.ts";
export { openEntry, statEntry } from "./directoryEntries.ts";
export { EntryReader, statEntries } from "./entryBatch.ts";
export type { EntryToRead, ReadEntry } from "./entryBatch.ts";
export { hashPieces } from "./hashPieces.ts";
export type { Piece } from "./hashPieces.ts";
export { shareCallLists } from "./callList.ts";
export type { EntryStat } from "./directoryEntries.ts";
