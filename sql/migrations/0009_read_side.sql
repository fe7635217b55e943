-- What auditors read: indexes that find the whole history of one key in the order in which it is folded, so that asking as
-- of an instant reads no other key's events, and views with names that need no knowledge of the program.
set local role landfall_owner;

-- Each replaces one that led with the same column. Funding observations need none: their ids follow from the transfer.
drop index ops_alerts_alert_key;
create index ops_alerts_alert_key on ops_alerts (alert_key, topic_partition, kafka_offset);
drop index market_prices_pair;
create index market_prices_pair on market_prices (pair, topic_partition, kafka_offset);
drop index intent_inventories_account_id;
create index intent_inventories_account_id on intent_inventories (account_id, topic_partition, kafka_offset);
drop index trade_results_pair;
create index trade_results_pair on trade_results (pair, topic_partition, kafka_offset);
drop index liquidity_actions_funding_handle;
create index liquidity_actions_funding_handle on liquidity_actions (funding_handle, topic_partition, kafka_offset);

-- The ids of events that an alert names as its evidence, found in the text: PostgreSQL's own JSON refuses some that the
-- evidence may hold, and an index that refuses a row would stop the writer for good. It may find more than there are.
create function alert_evidence_ids(payload text) returns uuid[]
language sql immutable strict parallel safe set search_path = pg_catalog, pg_temp as $$
  select coalesce(array_agg(distinct found[1]::uuid), '{}') from regexp_matches(payload,
    '"event_id"\s*:\s*"([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"', 'g') as found
$$;
create index ops_alerts_evidence_ids on ops_alerts using gin (alert_evidence_ids(payload));

create view audit_transfers as
  select transfer_id, account_id as account, asset_id as asset, chain, funding_handle as deposit_address,
    tx_hash as transaction_hash, output_index, status, amount as amount_base_units, confirmations,
    confirmations_required, first_seen_at, last_seen_at, credited_at, bridge_deposit_tx_hash as bridge_transaction_hash,
    bridge_status, match as matched_by, successor_tx_hash as replaced_by, coalesce(below_minimum, false) as below_minimum,
    observer ->> 'state' as observer_state, cause as last_cause, observations,
    round(extract(epoch from now() - last_seen_at))::bigint as age_seconds,
    'ops.funding_observation'::text as topic, topic_partition, kafka_offset
  from funding_transfer_snapshot;
comment on view audit_transfers is 'The current state of each inbound transfer: one row a transfer.';
comment on column audit_transfers.transfer_id is 'Made of the outpoint (Bitcoin) or of token, transaction and place in it (Gnosis); never of the address, which may be used again.';
comment on column audit_transfers.account is 'The account that the deposit address was issued to.';
comment on column audit_transfers.asset is 'The asset that arrives.';
comment on column audit_transfers.chain is 'bitcoin or gnosis.';
comment on column audit_transfers.deposit_address is 'The address that the bridge issued.';
comment on column audit_transfers.transaction_hash is 'The hash on the chain, as first seen; null while only the bridge knows of the transfer and names none.';
comment on column audit_transfers.output_index is 'The output of the transaction (Bitcoin) or the n-th matching transfer in it (Gnosis).';
comment on column audit_transfers.status is 'seen, confirming, confirmed, credited, replaced, conflicted, dropped or reorged. Only credited is spendable.';
comment on column audit_transfers.amount_base_units is 'In satoshi or wei, exact.';
comment on column audit_transfers.confirmations is 'Blocks deep when last observed; beyond the policy it is not counted on.';
comment on column audit_transfers.confirmations_required is 'What the policy asks for, for this chain, asset and amount.';
comment on column audit_transfers.first_seen_at is 'When Landfall first saw it; never changes.';
comment on column audit_transfers.last_seen_at is 'When it was last observed to change.';
comment on column audit_transfers.credited_at is 'When Landfall first saw the bridge''s credit; null before.';
comment on column audit_transfers.bridge_transaction_hash is 'The hash that the bridge gives for the deposit, where it gives one.';
comment on column audit_transfers.bridge_status is 'The bridge''s own word.';
comment on column audit_transfers.matched_by is 'How the bridge''s row was found to be this transfer: tx_hash, address_amount or aggregate.';
comment on column audit_transfers.replaced_by is 'The transaction that spent the same inputs, where it is known.';
comment on column audit_transfers.below_minimum is 'Whether the amount is below what the bridge takes.';
comment on column audit_transfers.observer_state is 'How the chain observer stood when it last spoke of the transfer: ok, lagging, down or paused.';
comment on column audit_transfers.last_cause is 'What made the last observation worth an event.';
comment on column audit_transfers.observations is 'How many observations the row was folded from.';
comment on column audit_transfers.age_seconds is 'Seconds since last_seen_at.';
comment on column audit_transfers.topic is 'The topic of the event that changed the row last.';
comment on column audit_transfers.topic_partition is 'Its partition.';
comment on column audit_transfers.kafka_offset is 'Its offset.';

create view audit_observations as
  select event_id as observation_id, transfer_id, revision, account_id as account, asset_id as asset, chain,
    funding_handle as deposit_address, tx_hash as transaction_hash, status, amount as amount_base_units,
    payload::json ->> 'cause' as cause, payload::json ->> 'source' as source,
    (payload::json ->> 'confirmations')::integer as confirmations, payload::json ->> 'bridge_status' as bridge_status,
    payload::json -> 'observer' ->> 'state' as observer_state, last_seen_at as observed_at,
    case when kafka_timestamp_ms >= 0 then to_timestamp(kafka_timestamp_ms / 1000.0) end as kafka_at, ingested_at,
    'ops.funding_observation'::text as topic, topic_partition, kafka_offset, payload,
    encode(leaf_hash, 'hex') as leaf_hash
  from funding_observations
  union all select event_id, (payload::json ->> 'transfer_id')::uuid, (payload::json ->> 'revision')::integer,
    payload::json ->> 'account_id', payload::json ->> 'asset_id', payload::json ->> 'chain',
    payload::json ->> 'funding_handle', payload::json ->> 'tx_hash', payload::json ->> 'status',
    (payload::json ->> 'amount')::numeric(78, 0), payload::json ->> 'cause', payload::json ->> 'source',
    (payload::json ->> 'confirmations')::integer, payload::json ->> 'bridge_status',
    payload::json -> 'observer' ->> 'state', (payload::json ->> 'last_seen_at')::timestamptz,
    case when kafka_timestamp_ms >= 0 then to_timestamp(kafka_timestamp_ms / 1000.0) end, ingested_at, topic,
    topic_partition, kafka_offset, payload, encode(leaf_hash, 'hex')
  from retried_letters where topic = 'ops.funding_observation';
comment on view audit_observations is 'Every funding observation that was recorded, and dead letters that count as one since they were retried: one row an event, never changed.';
comment on column audit_observations.observation_id is 'Made of the transfer and the revision.';
comment on column audit_observations.transfer_id is 'The transfer; see audit_transfers.';
comment on column audit_observations.revision is 'Counts the transfer''s observations from 1.';
comment on column audit_observations.account is 'The account that the deposit address was issued to.';
comment on column audit_observations.asset is 'The asset that arrives.';
comment on column audit_observations.chain is 'bitcoin or gnosis.';
comment on column audit_observations.deposit_address is 'The address that the bridge issued.';
comment on column audit_observations.transaction_hash is 'The hash on the chain.';
comment on column audit_observations.status is 'The status that the transfer had then.';
comment on column audit_observations.amount_base_units is 'In satoshi or wei, exact.';
comment on column audit_observations.cause is 'What made it worth an event: first_seen, mined, confirmed, credited, ...';
comment on column audit_observations.source is 'Who saw it: bitcoind, esplora, evm or bridge.';
comment on column audit_observations.confirmations is 'Blocks deep then.';
comment on column audit_observations.bridge_status is 'The bridge''s own word then.';
comment on column audit_observations.observer_state is 'How the chain observer stood: absence is evidence only from one that was ok.';
comment on column audit_observations.observed_at is 'Event time: when it was observed.';
comment on column audit_observations.kafka_at is 'When Kafka had it; null when Kafka does not say.';
comment on column audit_observations.ingested_at is 'Ingest time: when it was written here; of a retried dead letter, when it was retried.';
comment on column audit_observations.topic is 'Its topic.';
comment on column audit_observations.topic_partition is 'Its partition.';
comment on column audit_observations.kafka_offset is 'Its offset.';
comment on column audit_observations.payload is 'The exact message.';
comment on column audit_observations.leaf_hash is 'Its leaf in the partition''s RFC 6962 Merkle log.';

create view audit_alerts as
  select alert_key, alert_code, service_scope as service, status, severity, reason, episode, pair, asset_id as asset,
    tx_hash as transaction_hash, raised_at, cleared_at, first_raised_at, last_evaluated_at,
    details ->> 'window_ms' as threshold_ms, details -> 'observed' as observed,
    details ->> 'policy_version' as policy_version, alert_event_id,
    round(extract(epoch from coalesce(cleared_at, now()) - raised_at))::bigint as held_seconds,
    'ops.alert'::text as topic, topic_partition, kafka_offset
  from alert_snapshot;
comment on view audit_alerts is 'The latest transition of each alert: one row an alert key, raised or cleared.';
comment on column audit_alerts.alert_key is 'Code, service and subject (pair, account or transfer).';
comment on column audit_alerts.alert_code is 'The rule; docs/runbook has a page for each.';
comment on column audit_alerts.service is 'The service whose work the alert is about.';
comment on column audit_alerts.status is 'raised or cleared.';
comment on column audit_alerts.severity is 'warning or critical.';
comment on column audit_alerts.reason is 'Why it was raised or cleared.';
comment on column audit_alerts.episode is 'Counts the key''s raise-and-clear pairs from 1.';
comment on column audit_alerts.pair is 'The trading pair, where the alert is about one.';
comment on column audit_alerts.asset is 'The asset, where the alert is about one.';
comment on column audit_alerts.transaction_hash is 'The transaction, where the alert is about a transfer.';
comment on column audit_alerts.raised_at is 'When the rule was broken: the deadline that passed.';
comment on column audit_alerts.cleared_at is 'When it was no longer; null while raised.';
comment on column audit_alerts.first_raised_at is 'When the key was raised for the first time.';
comment on column audit_alerts.last_evaluated_at is 'The tick that decided the transition.';
comment on column audit_alerts.threshold_ms is 'The window that was exceeded, in milliseconds; 0 for what is wrong at once.';
comment on column audit_alerts.observed is 'What was seen of the subject, as JSON.';
comment on column audit_alerts.policy_version is 'The version of the alert policy that it was decided under; see alert_policies.';
comment on column audit_alerts.alert_event_id is 'The event of the transition: landfall why says all about it.';
comment on column audit_alerts.held_seconds is 'Seconds from raise to clear, or until now.';
comment on column audit_alerts.topic is 'The topic of the event that changed the row last.';
comment on column audit_alerts.topic_partition is 'Its partition.';
comment on column audit_alerts.kafka_offset is 'Its offset.';

create view audit_alert_events as
  select event_id as alert_event_id, alert_key, episode, alert_code, status, severity, payload::json ->> 'reason' as reason,
    pair, asset_id as asset, tx_hash as transaction_hash, raised_at, cleared_at, last_evaluated_at,
    payload::json -> 'details' as details, ingested_at, 'ops.alert'::text as topic, topic_partition, kafka_offset, payload,
    encode(leaf_hash, 'hex') as leaf_hash
  from ops_alerts
  union all select event_id, payload::json ->> 'alert_key', (payload::json ->> 'episode')::integer,
    payload::json ->> 'alert_code', payload::json ->> 'status', payload::json ->> 'severity', payload::json ->> 'reason',
    payload::json ->> 'pair', payload::json ->> 'asset_id', payload::json ->> 'tx_hash',
    (payload::json ->> 'raised_at')::timestamptz, (payload::json ->> 'cleared_at')::timestamptz,
    (payload::json ->> 'last_evaluated_at')::timestamptz, payload::json -> 'details', ingested_at, topic,
    topic_partition, kafka_offset, payload, encode(leaf_hash, 'hex')
  from retried_letters where topic = 'ops.alert';
comment on view audit_alert_events is 'Every raise and every clear that was recorded, retried dead letters among them: one row an event, never changed.';
comment on column audit_alert_events.alert_event_id is 'Made of key, episode and status.';
comment on column audit_alert_events.alert_key is 'Code, service and subject.';
comment on column audit_alert_events.episode is 'Counts the key''s raise-and-clear pairs from 1.';
comment on column audit_alert_events.alert_code is 'The rule.';
comment on column audit_alert_events.status is 'raised or cleared.';
comment on column audit_alert_events.severity is 'warning or critical.';
comment on column audit_alert_events.reason is 'Why.';
comment on column audit_alert_events.pair is 'The trading pair, where the alert is about one.';
comment on column audit_alert_events.asset is 'The asset, where the alert is about one.';
comment on column audit_alert_events.transaction_hash is 'The transaction, where the alert is about a transfer.';
comment on column audit_alert_events.raised_at is 'When the rule was broken.';
comment on column audit_alert_events.cleared_at is 'When it was no longer; null for a raise.';
comment on column audit_alert_events.last_evaluated_at is 'Event time: the tick that decided it.';
comment on column audit_alert_events.details is 'Threshold, observed value, policy version, how far every partition had been read, and the events behind it.';
comment on column audit_alert_events.ingested_at is 'Ingest time: when it was written here; of a retried dead letter, when it was retried.';
comment on column audit_alert_events.topic is 'Its topic.';
comment on column audit_alert_events.topic_partition is 'Its partition.';
comment on column audit_alert_events.kafka_offset is 'Its offset.';
comment on column audit_alert_events.payload is 'The exact message.';
comment on column audit_alert_events.leaf_hash is 'Its leaf in the partition''s RFC 6962 Merkle log.';

create view audit_funding_handles as
  select funding_handle as deposit_address, chain, asset_id as asset, account_id as account, active, issued_at, retired_at,
    updated_at, 'ops.liquidity_action'::text as topic, topic_partition, kafka_offset
  from funding_handle_snapshot;
comment on view audit_funding_handles is 'The deposit addresses that the bridge issued: one row an address, asset and account.';
comment on column audit_funding_handles.deposit_address is 'The address.';
comment on column audit_funding_handles.chain is 'bitcoin or gnosis.';
comment on column audit_funding_handles.asset is 'The asset that it is for.';
comment on column audit_funding_handles.account is 'The account that it was issued to.';
comment on column audit_funding_handles.active is 'Whether it is still to be watched.';
comment on column audit_funding_handles.issued_at is 'When it was last issued; null when that was never seen.';
comment on column audit_funding_handles.retired_at is 'When it was last retired; null when it never was.';
comment on column audit_funding_handles.updated_at is 'The time of the action that decided.';
comment on column audit_funding_handles.topic is 'The topic of the event that changed the row last.';
comment on column audit_funding_handles.topic_partition is 'Its partition.';
comment on column audit_funding_handles.kafka_offset is 'Its offset.';

create view audit_inventories as
  select account_id as account, observed_at, balance ->> 'asset_id' as asset,
    (balance ->> 'spendable')::numeric(78, 0) as spendable_base_units,
    (balance ->> 'pending_inbound')::numeric(78, 0) as pending_inbound_base_units,
    (balance ->> 'credited')::numeric(78, 0) as credited_base_units,
    round(extract(epoch from now() - observed_at))::bigint as age_seconds,
    'state.intent_inventory'::text as topic, topic_partition, kafka_offset
  from intent_inventory_snapshot, json_array_elements(balances) as balance;
comment on view audit_inventories is 'What each account holds, as the verifier and the bridge say: one row an account and asset. No observation has a part in it.';
comment on column audit_inventories.account is 'The account.';
comment on column audit_inventories.observed_at is 'When the verifier was asked.';
comment on column audit_inventories.asset is 'The asset.';
comment on column audit_inventories.spendable_base_units is 'What may be spent, exact.';
comment on column audit_inventories.pending_inbound_base_units is 'Deposits that the bridge reports and has not credited.';
comment on column audit_inventories.credited_base_units is 'Deposits that the bridge has credited.';
comment on column audit_inventories.age_seconds is 'Seconds since observed_at.';
comment on column audit_inventories.topic is 'The topic of the event that changed the row last.';
comment on column audit_inventories.topic_partition is 'Its partition.';
comment on column audit_inventories.kafka_offset is 'Its offset.';

create view audit_prices as
  select pair, price, source, observed_at, round(extract(epoch from now() - observed_at))::bigint as age_seconds,
    price_event_id, 'ref.market_price'::text as topic, topic_partition, kafka_offset
  from market_price_snapshot;
comment on view audit_prices is 'The latest reference price of each pair.';
comment on column audit_prices.pair is 'Base and quote, such as BTC/EURe.';
comment on column audit_prices.price is 'Quote units for one base unit, exact.';
comment on column audit_prices.source is 'The ticker.';
comment on column audit_prices.observed_at is 'When the ticker was asked.';
comment on column audit_prices.age_seconds is 'Seconds since observed_at.';
comment on column audit_prices.price_event_id is 'The event.';
comment on column audit_prices.topic is 'The topic of the event that changed the row last.';
comment on column audit_prices.topic_partition is 'Its partition.';
comment on column audit_prices.kafka_offset is 'Its offset.';

create view audit_trade_results as
  select pair, last_status, last_at, last_command_id, last_success_at, last_success_command_id, last_failure_at,
    last_failure_command_id, last_failure_error_code, last_failure_error_message,
    'exec.trade_result'::text as topic, topic_partition, kafka_offset
  from trade_result_snapshot;
comment on view audit_trade_results is 'How trading on each pair went: the latest result, the latest success and the latest failure.';
comment on column audit_trade_results.pair is 'The pair.';
comment on column audit_trade_results.last_status is 'The latest result: submitted, accepted, rejected, failed or settled.';
comment on column audit_trade_results.last_at is 'When it was.';
comment on column audit_trade_results.last_command_id is 'Its command.';
comment on column audit_trade_results.last_success_at is 'When a command was last accepted or settled.';
comment on column audit_trade_results.last_success_command_id is 'That command.';
comment on column audit_trade_results.last_failure_at is 'When a command last failed or was rejected.';
comment on column audit_trade_results.last_failure_command_id is 'That command.';
comment on column audit_trade_results.last_failure_error_code is 'What the executor called it, where it says.';
comment on column audit_trade_results.last_failure_error_message is 'What it said, as it came.';
comment on column audit_trade_results.topic is 'The topic of the event that changed the row last.';
comment on column audit_trade_results.topic_partition is 'Its partition.';
comment on column audit_trade_results.kafka_offset is 'Its offset.';

create view audit_events as
  select 'ops.funding_observation'::text as topic, topic_partition, kafka_offset, event_id,
    case when kafka_timestamp_ms >= 0 then to_timestamp(kafka_timestamp_ms / 1000.0) end as kafka_at, ingested_at, payload,
    encode(leaf_hash, 'hex') as leaf_hash from funding_observations
  union all select 'ops.alert', topic_partition, kafka_offset, event_id,
    case when kafka_timestamp_ms >= 0 then to_timestamp(kafka_timestamp_ms / 1000.0) end, ingested_at, payload,
    encode(leaf_hash, 'hex') from ops_alerts
  union all select 'ref.market_price', topic_partition, kafka_offset, event_id,
    case when kafka_timestamp_ms >= 0 then to_timestamp(kafka_timestamp_ms / 1000.0) end, ingested_at, payload,
    encode(leaf_hash, 'hex') from market_prices
  union all select 'state.intent_inventory', topic_partition, kafka_offset, event_id,
    case when kafka_timestamp_ms >= 0 then to_timestamp(kafka_timestamp_ms / 1000.0) end, ingested_at, payload,
    encode(leaf_hash, 'hex') from intent_inventories
  union all select 'ops.liquidity_action', topic_partition, kafka_offset, event_id,
    case when kafka_timestamp_ms >= 0 then to_timestamp(kafka_timestamp_ms / 1000.0) end, ingested_at, payload,
    encode(leaf_hash, 'hex') from liquidity_actions
  union all select 'exec.trade_result', topic_partition, kafka_offset, event_id,
    case when kafka_timestamp_ms >= 0 then to_timestamp(kafka_timestamp_ms / 1000.0) end, ingested_at, payload,
    encode(leaf_hash, 'hex') from trade_results
  union all select topic, topic_partition, kafka_offset, event_id,
    case when kafka_timestamp_ms >= 0 then to_timestamp(kafka_timestamp_ms / 1000.0) end, ingested_at, payload,
    encode(leaf_hash, 'hex') from retried_letters;
comment on view audit_events is 'Every event that was recorded, of all topics, retried dead letters among them: one row an event, never changed.';
comment on column audit_events.topic is 'Its topic.';
comment on column audit_events.topic_partition is 'Its partition.';
comment on column audit_events.kafka_offset is 'Its offset.';
comment on column audit_events.event_id is 'Its deterministic id.';
comment on column audit_events.kafka_at is 'When Kafka had it; null when Kafka does not say.';
comment on column audit_events.ingested_at is 'Ingest time: when it was written here; of a retried dead letter, when it was retried.';
comment on column audit_events.payload is 'The exact message.';
comment on column audit_events.leaf_hash is 'Its leaf in the partition''s RFC 6962 Merkle log.';

create view audit_positions as
  select topic, topic_partition, next_offset, log_size as events, duplicates, dead_letters, encode(log_root, 'hex') as log_root,
    updated_at, round(extract(epoch from now() - updated_at))::bigint as age_seconds
  from checkpoints;
comment on view audit_positions is 'How far each partition was read: the position that the snapshots stand at.';
comment on column audit_positions.topic is 'The topic.';
comment on column audit_positions.topic_partition is 'The partition.';
comment on column audit_positions.next_offset is 'The offset of the next message to be read.';
comment on column audit_positions.events is 'Events recorded: leaves of the partition''s Merkle log.';
comment on column audit_positions.duplicates is 'Messages that repeated an event byte for byte.';
comment on column audit_positions.dead_letters is 'Messages that could not be read, whatever became of them since.';
comment on column audit_positions.log_root is 'The RFC 6962 root over the events.';
comment on column audit_positions.updated_at is 'When something was last written of the partition.';
comment on column audit_positions.age_seconds is 'Seconds since updated_at; a partition without news grows old without being behind.';

revoke all on audit_transfers, audit_observations, audit_alerts, audit_alert_events, audit_funding_handles, audit_inventories,
  audit_prices, audit_trade_results, audit_events, audit_positions from public;
grant select on audit_transfers, audit_observations, audit_alerts, audit_alert_events, audit_funding_handles, audit_inventories,
  audit_prices, audit_trade_results, audit_events, audit_positions to landfall_auditor;
grant execute on function alert_evidence_ids(text) to landfall_writer, landfall_auditor;
revoke execute on function alert_evidence_ids(text) from public;

reset role;
