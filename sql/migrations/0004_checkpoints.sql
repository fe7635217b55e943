set local role landfall_owner;

-- How far each partition has been read, and the Merkle log over its evidence rows at that point. This row, not Kafka's
-- committed offset, decides where a writer goes on; it moves in the same transaction as the rows it speaks of.
create table checkpoints (
  topic text not null,
  topic_partition integer not null,
  -- Tells a topic from one that was deleted and created again under the same name.
  topic_id uuid not null,
  -- The first offset that was ever read: what lies before it was gone when Landfall first looked.
  first_offset bigint not null,
  next_offset bigint not null check (next_offset >= first_offset),
  -- The last message read, of whatever kind, and its leaf hash: read again at each start, so that a log that was
  -- truncated and has grown anew is noticed.
  last_offset bigint,
  last_leaf_hash bytea check (octet_length(last_leaf_hash) = 32),
  -- RFC 6962: number of leaves (evidence rows), root, and the roots of the full subtrees along the right edge, 32 bytes each.
  log_size bigint not null check (log_size >= 0),
  log_root bytea not null check (octet_length(log_root) = 32),
  log_right_edge bytea not null check (octet_length(log_right_edge) % 32 = 0),
  duplicates bigint not null default 0,
  dead_letters bigint not null default 0,
  updated_at timestamptz not null,
  primary key (topic, topic_partition)
);
revoke all on checkpoints from public;
grant select, insert, update on checkpoints to landfall_writer;
grant select on checkpoints to landfall_auditor;

-- Messages that could not be read as a record of their topic, as they came. The partition goes on without them.
create table dead_letters (
  topic text not null,
  topic_partition integer not null,
  kafka_offset bigint not null,
  leader_epoch integer not null,
  kafka_timestamp_ms bigint not null,
  message_key bytea,
  message_headers bytea,
  message_value bytea,
  reason text not null,
  ingested_at timestamptz not null,
  leaf_hash bytea not null check (octet_length(leaf_hash) = 32),
  primary key (topic, topic_partition, kafka_offset)
);
-- A key that came from outside may be longer than a B-tree takes (2,704 bytes), and then nothing could be written at all.
create index dead_letters_message_key on dead_letters using hash (message_key);
create index dead_letters_ingested_at on dead_letters using brin (ingested_at);
select make_append_only('dead_letters');

-- Messages that repeat an event already kept, byte for byte: they explain the gaps in the evidence's offsets.
create table duplicate_deliveries (
  topic text not null,
  topic_partition integer not null,
  kafka_offset bigint not null,
  event_id uuid not null,
  ingested_at timestamptz not null,
  primary key (topic, topic_partition, kafka_offset)
);
select make_append_only('duplicate_deliveries');

reset role;
