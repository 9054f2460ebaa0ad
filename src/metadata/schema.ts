/** `PRAGMA application_id` of our files ("varv"): tells a foreign SQLite file from one of ours. */
export const APPLICATION_ID: number = 0x76_61_72_76;

/**
 * Migrations, oldest first; `PRAGMA user_version` counts how many a file has had. A released entry never changes:
 * a new schema is a new entry. JSON columns hold lists and descriptors that SQL never looks into.
 */
export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE images (
    reference TEXT PRIMARY KEY, target TEXT NOT NULL, image_id TEXT NOT NULL,
    created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX images_by_image_id ON images (image_id);

  CREATE TABLE image_contents (
    image_id TEXT PRIMARY KEY, manifest TEXT NOT NULL, chain_id TEXT, diff_ids TEXT NOT NULL,
    last_tagged_at INTEGER, created_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE layers (
    diff_id TEXT PRIMARY KEY, tar_bytes INTEGER NOT NULL, content_bytes INTEGER NOT NULL, file_bytes INTEGER NOT NULL,
    inodes INTEGER NOT NULL, index_digest TEXT NOT NULL, fixups TEXT NOT NULL, synced INTEGER NOT NULL,
    created_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE compressed_layers (
    blob_digest TEXT NOT NULL UNIQUE, blob_size INTEGER NOT NULL, diff_id TEXT NOT NULL, compression TEXT NOT NULL
  ) STRICT;
  CREATE INDEX compressed_layers_by_diff_id ON compressed_layers (diff_id);

  CREATE TABLE blob_sources (
    digest TEXT NOT NULL, domain TEXT NOT NULL, path TEXT NOT NULL, PRIMARY KEY (digest, domain, path)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE snapshots (
    name TEXT PRIMARY KEY, kind TEXT NOT NULL, parent TEXT, id TEXT NOT NULL UNIQUE, diff_id TEXT,
    created_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX snapshots_by_parent ON snapshots (parent);

  CREATE TABLE leases (
    id TEXT PRIMARY KEY, purpose TEXT NOT NULL, created_at INTEGER NOT NULL, expires_at INTEGER,
    ephemeral INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE lease_resources (
    lease_id TEXT NOT NULL REFERENCES leases (id) ON DELETE CASCADE, kind TEXT NOT NULL, name TEXT NOT NULL,
    PRIMARY KEY (lease_id, kind, name)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE containers (
    id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, image_id TEXT NOT NULL, document TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE events (
    id INTEGER PRIMARY KEY AUTOINCREMENT, time_nanoseconds INTEGER NOT NULL, document TEXT NOT NULL
  ) STRICT;
  CREATE INDEX events_by_time ON events (time_nanoseconds);

  CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
  `,
  `
  CREATE TABLE networks (id TEXT PRIMARY KEY, document TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE sandboxes (id TEXT PRIMARY KEY, document TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE volumes (id TEXT PRIMARY KEY, document TEXT NOT NULL) STRICT, WITHOUT ROWID;
  `,
  `
  CREATE TABLE build_steps (
    key TEXT PRIMARY KEY, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, slot TEXT NOT NULL, description TEXT NOT NULL,
    parents TEXT NOT NULL, diff_ids TEXT NOT NULL, bytes INTEGER NOT NULL, created_at INTEGER NOT NULL,
    used_at INTEGER NOT NULL, uses INTEGER NOT NULL, inputs BLOB NOT NULL
  ) STRICT;
  CREATE INDEX build_steps_by_slot ON build_steps (slot, used_at);
  `,
  `
  CREATE TABLE layer_contents (
    diff_id TEXT PRIMARY KEY REFERENCES layers (diff_id) ON DELETE CASCADE, digests BLOB NOT NULL
  ) STRICT;
  `,
];
