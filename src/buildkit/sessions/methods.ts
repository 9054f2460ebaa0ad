/** Methods of a client's services that we call. */
export const SessionMethod = {
  SYNC: "/moby.filesync.v1.FileSync/DiffCopy",
  SEND: "/moby.filesync.v1.FileSend/DiffCopy",
  CREDENTIALS: "/moby.filesync.v1.Auth/Credentials",
  TOKEN_AUTHORITY: "/moby.filesync.v1.Auth/GetTokenAuthority",
  FETCH_TOKEN: "/moby.filesync.v1.Auth/FetchToken",
  SECRET: "/moby.buildkit.secrets.v1.Secrets/GetSecret",
  SSH_CHECK: "/moby.sshforward.v1.SSH/CheckAgent",
  SSH_FORWARD: "/moby.sshforward.v1.SSH/ForwardAgent",
  CONTENT_INFO: "/containerd.services.content.v1.Content/Info",
  CONTENT_READ: "/containerd.services.content.v1.Content/Read",
  CONTENT_WRITE: "/containerd.services.content.v1.Content/Write",
  UPLOAD: "/moby.upload.v1.Upload/Pull",
} as const;
