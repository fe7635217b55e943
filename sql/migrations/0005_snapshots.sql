-- The current state of each projection: rows that can be made again from the evidence at any time, so they may change.
-- `topic_partition, kafka_offset` name the event that changed the row last; a writer updates a row only from the version
-- that it folded from, so two writers cannot overwrite each other's work.
set local role landfall_owner;

-- Which version of each projection its table holds.
create table snapshot_versions (
  projection text primary key,
  version integer not null check (version > 0)
);
revoke all on snapshot_versions from public;
grant select, insert, update on snapshot_versions to landfall_writer;
grant select on snapshot_versions to landfall_auditor;

create function make_snapshot(target regclass) returns void language plpgsql as $$
begin
  execute format('revoke all on %s from public', target);
  execute format('grant select, insert, update, delete on %s to landfall_writer', target);
  execute format('grant select on %s to landfall_auditor', target);
end
$$;
revoke execute on function make_snapshot(regclass) from public;

create table funding_transfer_snapshot (
  row_key text primary key,
  funding_observation_id uuid,
  transfer_id uuid,
  revision integer,
  account_id text,
  asset_id text,
  chain text,
  funding_handle text,
  source text,
  tx_hash text,
  output_index integer,
  status text,
  amount numeric(78, 0),
  confirmations integer,
  confirmations_required integer,
  first_seen_at timestamptz,
  last_seen_at timestamptz,
  block_hash text,
  block_height integer,
  credited_at timestamptz,
  bridge_deposit_tx_hash text,
  bridge_status text,
  match text,
  successor_tx_hash text,
  below_minimum boolean,
  observer json,
  cause text,
  observations integer,
  topic_partition integer not null,
  kafka_offset bigint not null
) with (fillfactor = 70);
select make_snapshot('funding_transfer_snapshot');

create table funding_handle_snapshot (
  row_key text primary key,
  account_id text,
  chain text,
  asset_id text,
  funding_handle text,
  active boolean,
  issued_at timestamptz,
  retired_at timestamptz,
  liquidity_action_id uuid,
  updated_at timestamptz,
  topic_partition integer not null,
  kafka_offset bigint not null
) with (fillfactor = 70);
select make_snapshot('funding_handle_snapshot');

create table market_price_snapshot (
  row_key text primary key,
  price_event_id uuid,
  pair text,
  price numeric,
  source text,
  observed_at timestamptz,
  topic_partition integer not null,
  kafka_offset bigint not null
) with (fillfactor = 70);
select make_snapshot('market_price_snapshot');

create table intent_inventory_snapshot (
  row_key text primary key,
  inventory_snapshot_id uuid,
  account_id text,
  observed_at timestamptz,
  balances json,
  topic_partition integer not null,
  kafka_offset bigint not null
) with (fillfactor = 70);
select make_snapshot('intent_inventory_snapshot');

create table trade_result_snapshot (
  row_key text primary key,
  pair text,
  last_result_id uuid,
  last_command_id text,
  last_status text,
  last_at timestamptz,
  last_success_id uuid,
  last_success_command_id text,
  last_success_at timestamptz,
  last_failure_id uuid,
  last_failure_command_id text,
  last_failure_at timestamptz,
  last_failure_error_code text,
  last_failure_error_message text,
  topic_partition integer not null,
  kafka_offset bigint not null
) with (fillfactor = 70);
select make_snapshot('trade_result_snapshot');

create table alert_snapshot (
  row_key text primary key,
  alert_event_id uuid,
  alert_key text,
  episode integer,
  alert_code text,
  status text,
  severity text,
  reason text,
  service_scope text,
  pair text,
  asset_id text,
  tx_hash text,
  raised_at timestamptz,
  cleared_at timestamptz,
  first_raised_at timestamptz,
  last_evaluated_at timestamptz,
  details json,
  topic_partition integer not null,
  kafka_offset bigint not null
) with (fillfactor = 70);
select make_snapshot('alert_snapshot');

create index funding_transfer_snapshot_tx_hash on funding_transfer_snapshot (tx_hash);
create index funding_transfer_snapshot_funding_handle on funding_transfer_snapshot (funding_handle);
create index alert_snapshot_alert_code on alert_snapshot (alert_code);

reset role;
