import type { BuildSession, WantedFiles, ContextReceiver } from "#build";
import type { SessionRegistry } from "./registry.ts";
import type { GrpcSession } from "./session.ts";

const PREFIX = "local-sessionid:";

/**
 * A session as one build sees it: `local-sessionid:NAME` among the attributes says that another session of the same client
 * has that directory (targets of one `bake` that share it).
 */
export function forBuild(
  session: GrpcSession,
  sessions: SessionRegistry,
  attributes: Readonly<Record<string, string>>,
): BuildSession {
  const elsewhere = Object.keys(attributes).some((key) => key.startsWith(PREFIX));
  if (!elsewhere) return session;
  const sendDirectory = async (name: string, wanted: WantedFiles, receiver: ContextReceiver): Promise<void> => {
    const id = attributes[`${PREFIX}${name}`];
    const owner = id === undefined ? session : await sessions.get(id, wanted.signal);
    await owner.sendDirectory(name, wanted, receiver);
  };
  return {
    localDirectory: () => session.localDirectory(),
    sendDirectory,
    upload: (url) => session.upload(url),
    secret: (id) => session.secret(id),
    connectSshAgent: (id) => session.connectSshAgent(id),
    credentials: (host) => session.credentials(host),
    contentStore: (id) => session.contentStore(id),
    sendTar: (output, bytes) => session.sendTar(output, bytes),
    sendTree: (output, tar) => session.sendTree(output, tar),
  };
}
