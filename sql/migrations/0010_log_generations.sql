-- When a topic was deleted and created again, its offsets begin anew. An operator may adopt the new one as the next
-- generation of its log: positions go on where the old ones ended, and this table says what was added to Kafka's offsets.
-- A position below `first_position` is of the generation before; that of the first has the topic id `previous_topic_id`.
set local role landfall_owner;

create table log_generations (
  topic text not null,
  topic_partition integer not null,
  -- The topic as it was first read is generation 1 and has no row.
  generation integer not null check (generation > 1),
  -- position = Kafka's offset + offset_base
  offset_base bigint not null,
  first_position bigint not null,
  topic_id uuid not null,
  previous_topic_id uuid not null check (previous_topic_id <> topic_id),
  -- Who and why, as they say.
  adopted_by text not null check (adopted_by <> ''),
  reason text not null check (reason <> ''),
  -- What the server knows of who and when; nobody is granted to write these two.
  database_login text not null default session_user,
  adopted_at timestamptz not null default date_trunc('milliseconds', transaction_timestamp()),
  primary key (topic, topic_partition, generation)
);
select make_append_only('log_generations');
revoke insert on log_generations from landfall_writer;
grant insert (topic, topic_partition, generation, offset_base, first_position, topic_id, previous_topic_id, adopted_by, reason)
  on log_generations to landfall_operator;

reset role;
