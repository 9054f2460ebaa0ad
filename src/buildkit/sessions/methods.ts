/** Methods of a client's services that we call. */
export const SessionMethod = {
  SYNC: "/moby.filesync.v1.FileSync/DiffCopy",
  SEND: "/moby.filesync.v1.FileSend/DiffCopy",
  CREDENTIALS: "/moby.filesync.v1.Auth/Credentials",
  SECRET: "/moby.buildkit.secrets.v1.Secrets/GetSecret",
  SSH_CHECK: "/moby.sshforward.v1.SSH/CheckAgent",
  SSH_FORWARD: "/moby.sshforward.v1.SSH/ForwardAgent",
  UPLOAD: "/moby.upload.v1.Upload/Pull",
} as const;
