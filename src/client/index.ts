export { CLIENT_API_VERSION, compareApiVersions } from "./apiVersion.ts";
export { chooseHost } from "./chooseHost.ts";
export type { ChosenHost, HostWishes } from "./chooseHost.ts";
export { configDirectory, loadConfigFile } from "./configFile.ts";
export type { ConfigFile, StoredAuth } from "./configFile.ts";
export {
  encodeRegistryAuth,
  eraseCredentials,
  HUB_SERVER,
  readCredentials,
  serverOf,
  storeCredentials,
} from "./credentials.ts";
export type { RegistryAuth } from "./credentials.ts";
export { registryCredentials } from "./registryCredentials.ts";
export type { StoredCredentials } from "./registryCredentials.ts";
export { createEngineClient } from "./engineClient.ts";
export type { EngineCall, EngineClient, EngineClientOptions, EngineResponse, HijackedStream } from "./engineClient.ts";
export { DEFAULT_SOCKET, execRoot, parseHost } from "./host.ts";
export type { EngineHost } from "./host.ts";
export { readLines } from "./jsonLines.ts";
export { isListening, startDaemon } from "./startDaemon.ts";
export type { DaemonStart } from "./startDaemon.ts";
export { demultiplex } from "./stdcopy.ts";
export type { OutputPiece } from "./stdcopy.ts";
export type { TlsFiles } from "./transport.ts";
export { openStoredImage } from "./storedImage.ts";
