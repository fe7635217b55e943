-- What people did about dead letters. A letter is open until it was retried, which makes it an event from then on, or
-- dismissed. Both are acts of an operator, who is none of the services: a role of its own.
do $$
begin
  begin
    if not exists (select from pg_roles where rolname = 'landfall_operator') then create role landfall_operator nologin; end if;
  exception when duplicate_object or unique_violation then
    null; -- Roles belong to the whole server: another of its databases, migrated at the same time, was quicker.
  end;
  -- An act may change snapshot rows, as the writer does, with the checkpoints locked.
  begin
    if not pg_has_role('landfall_operator', 'landfall_writer', 'member') then grant landfall_writer to landfall_operator; end if;
  exception when unique_violation or internal_error then
    null; -- The same: another database's grant of the same membership was committed first.
  end;
end
$$;
grant usage on schema public to landfall_operator;

set local role landfall_owner;

create table dead_letter_acts (
  -- Counts the acts without a gap, so that one that was taken away is missed.
  act_number bigint primary key check (act_number > 0),
  topic text not null,
  topic_partition integer not null,
  kafka_offset bigint not null,
  act text not null check (act in ('retried', 'retry_refused', 'dismissed')),
  -- The id under which a retried letter counts as an event.
  event_id uuid check ((event_id is not null) = (act = 'retried')),
  -- Who and why, as they say.
  acted_by text not null check (acted_by <> ''),
  reason text not null check (reason <> ''),
  -- What came of it.
  outcome text not null,
  -- What the server knows of who and when; nobody is granted to write these two.
  database_login text not null default session_user,
  acted_at timestamptz not null default date_trunc('milliseconds', transaction_timestamp()),
  -- RFC 6962 leaf over all of the above and the letter's own leaf, so that acts can be a log of their own.
  leaf_hash bytea not null check (octet_length(leaf_hash) = 32)
);
-- A letter becomes an event once, and no two become the same one.
create unique index dead_letter_acts_retried on dead_letter_acts (topic, topic_partition, kafka_offset) where act = 'retried';
create unique index dead_letter_acts_event_id on dead_letter_acts (event_id, topic) where act = 'retried';
create index dead_letter_acts_letter on dead_letter_acts (topic, topic_partition, kafka_offset);
select make_append_only('dead_letter_acts');
revoke insert on dead_letter_acts from landfall_writer;
grant insert (act_number, topic, topic_partition, kafka_offset, act, event_id, acted_by, reason, outcome, leaf_hash)
  on dead_letter_acts to landfall_operator;

-- Dead letters that count as events: they stand in the order of the log among the rows of their topic's evidence table,
-- and were known from the act on.
create view retried_letters as
  select letter.topic, letter.topic_partition, letter.kafka_offset, act.event_id, letter.leader_epoch,
    letter.kafka_timestamp_ms, letter.message_key, letter.message_headers,
    convert_from(letter.message_value, 'UTF8') as payload, act.acted_at as ingested_at, letter.leaf_hash
  from dead_letter_acts as act join dead_letters as letter using (topic, topic_partition, kafka_offset)
  where act.act = 'retried';

-- Each dead letter with how it stands: open, retried or dismissed. Retried is final; a dismissed one may still be retried.
create view dead_letter_states as
  select letter.*, coalesce(settled.act, 'open') as state, settled.act_number, settled.event_id, settled.acted_by,
    settled.reason as act_reason, settled.outcome, settled.acted_at
  from dead_letters as letter left join lateral (
    select * from dead_letter_acts as act
    where (act.topic, act.topic_partition, act.kafka_offset) = (letter.topic, letter.topic_partition, letter.kafka_offset)
      and act.act in ('retried', 'dismissed')
    order by act.act = 'retried' desc, act.act_number desc limit 1
  ) as settled on true;

revoke all on retried_letters, dead_letter_states from public;
grant select on retried_letters, dead_letter_states to landfall_writer, landfall_auditor;

reset role;
