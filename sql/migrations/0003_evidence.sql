-- One append-only table for each topic. A row is one Kafka message: its place, its exact bytes (key, headers as
-- length-prefixed pairs, value), what was read from it, and the leaf that it is in the partition's Merkle log.
-- `payload` is text because JSON is UTF-8 and has no U+0000: the bytes come back exactly, and COPY is twice as fast.
set local role landfall_owner;

create table funding_observations (
  topic_partition integer not null,
  kafka_offset bigint not null,
  event_id uuid not null,
  leader_epoch integer not null,
  kafka_timestamp_ms bigint not null,
  message_key bytea,
  message_headers bytea,
  payload text not null,
  transfer_id uuid not null,
  revision integer not null,
  account_id text not null,
  asset_id text not null,
  chain text not null,
  funding_handle text not null,
  tx_hash text,
  status text not null,
  amount numeric(78, 0) not null,
  last_seen_at timestamptz not null,
  ingested_at timestamptz not null,
  leaf_hash bytea not null check (octet_length(leaf_hash) = 32),
  primary key (topic_partition, kafka_offset)
);
create unique index funding_observations_event_id on funding_observations (event_id);
create index funding_observations_ingested_at on funding_observations using brin (ingested_at);
create index funding_observations_tx_hash on funding_observations (tx_hash);
create index funding_observations_funding_handle on funding_observations (funding_handle);
select make_append_only('funding_observations');

create table ops_alerts (
  topic_partition integer not null,
  kafka_offset bigint not null,
  event_id uuid not null,
  leader_epoch integer not null,
  kafka_timestamp_ms bigint not null,
  message_key bytea,
  message_headers bytea,
  payload text not null,
  alert_key text not null,
  episode integer not null,
  alert_code text not null,
  status text not null,
  severity text not null,
  pair text,
  asset_id text,
  tx_hash text,
  raised_at timestamptz not null,
  cleared_at timestamptz,
  last_evaluated_at timestamptz not null,
  ingested_at timestamptz not null,
  leaf_hash bytea not null check (octet_length(leaf_hash) = 32),
  primary key (topic_partition, kafka_offset)
);
create unique index ops_alerts_event_id on ops_alerts (event_id);
create index ops_alerts_ingested_at on ops_alerts using brin (ingested_at);
create index ops_alerts_alert_code on ops_alerts (alert_code);
create index ops_alerts_alert_key on ops_alerts (alert_key);
create index ops_alerts_tx_hash on ops_alerts (tx_hash);
select make_append_only('ops_alerts');

create table market_prices (
  topic_partition integer not null,
  kafka_offset bigint not null,
  event_id uuid not null,
  leader_epoch integer not null,
  kafka_timestamp_ms bigint not null,
  message_key bytea,
  message_headers bytea,
  payload text not null,
  pair text not null,
  price numeric not null,
  source text not null,
  observed_at timestamptz not null,
  ingested_at timestamptz not null,
  leaf_hash bytea not null check (octet_length(leaf_hash) = 32),
  primary key (topic_partition, kafka_offset)
);
create unique index market_prices_event_id on market_prices (event_id);
create index market_prices_ingested_at on market_prices using brin (ingested_at);
create index market_prices_pair on market_prices (pair, observed_at);
select make_append_only('market_prices');

create table intent_inventories (
  topic_partition integer not null,
  kafka_offset bigint not null,
  event_id uuid not null,
  leader_epoch integer not null,
  kafka_timestamp_ms bigint not null,
  message_key bytea,
  message_headers bytea,
  payload text not null,
  account_id text not null,
  observed_at timestamptz not null,
  ingested_at timestamptz not null,
  leaf_hash bytea not null check (octet_length(leaf_hash) = 32),
  primary key (topic_partition, kafka_offset)
);
create unique index intent_inventories_event_id on intent_inventories (event_id);
create index intent_inventories_ingested_at on intent_inventories using brin (ingested_at);
create index intent_inventories_account_id on intent_inventories (account_id, observed_at);
select make_append_only('intent_inventories');

create table liquidity_actions (
  topic_partition integer not null,
  kafka_offset bigint not null,
  event_id uuid not null,
  leader_epoch integer not null,
  kafka_timestamp_ms bigint not null,
  message_key bytea,
  message_headers bytea,
  payload text not null,
  account_id text not null,
  action text not null,
  asset_id text not null,
  chain text not null,
  funding_handle text,
  amount numeric(78, 0),
  tx_hash text,
  occurred_at timestamptz not null,
  ingested_at timestamptz not null,
  leaf_hash bytea not null check (octet_length(leaf_hash) = 32),
  primary key (topic_partition, kafka_offset)
);
create unique index liquidity_actions_event_id on liquidity_actions (event_id);
create index liquidity_actions_ingested_at on liquidity_actions using brin (ingested_at);
create index liquidity_actions_funding_handle on liquidity_actions (funding_handle);
create index liquidity_actions_tx_hash on liquidity_actions (tx_hash);
select make_append_only('liquidity_actions');

create table trade_results (
  topic_partition integer not null,
  kafka_offset bigint not null,
  event_id uuid not null,
  leader_epoch integer not null,
  kafka_timestamp_ms bigint not null,
  message_key bytea,
  message_headers bytea,
  payload text not null,
  command_id text not null,
  pair text not null,
  status text not null,
  error_code text,
  occurred_at timestamptz not null,
  ingested_at timestamptz not null,
  leaf_hash bytea not null check (octet_length(leaf_hash) = 32),
  primary key (topic_partition, kafka_offset)
);
create unique index trade_results_event_id on trade_results (event_id);
create index trade_results_ingested_at on trade_results using brin (ingested_at);
create index trade_results_pair on trade_results (pair, occurred_at);
select make_append_only('trade_results');

reset role;
