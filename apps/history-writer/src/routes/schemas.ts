import { Cut } from "@landfall/domain/position"
import { Schema } from "effect"

const Nullable = <Type, Encoded>(schema: Schema.Codec<Type, Encoded>) => Schema.NullOr(schema)

/** The answer of a route, for its documentation. */
export type Documented = Schema.Codec<unknown, unknown>

/** A page of items, for the documentation. */
export const pageSchema = (item: Schema.Codec<unknown, unknown>): Documented =>
  Schema.Struct({ items: Schema.Array(item), next_cursor: Nullable(Schema.String) }) as Documented

const place = { topic: Schema.String, topic_partition: Schema.Int, kafka_offset: Schema.Int }

/** The fields of an event as lists and exports show it, in the order of a CSV file. */
export const entryFields = {
  ...place,
  event_id: Schema.String,
  kafka_at: Nullable(Schema.String),
  ingested_at: Schema.String,
  retried: Schema.Boolean,
  leaf_hash: Schema.String,
  payload: Schema.String,
}

const Entry = Schema.Struct(entryFields)

const RowChange = Schema.Struct({
  projection: Schema.String,
  key: Schema.String,
  change: Schema.Literals(["added", "changed", "nothing"]),
  fields: Schema.Array(
    Schema.Struct({ field: Schema.String, before: Schema.Unknown, after: Schema.Unknown }),
  ),
})

const transition = {
  alert_key: Schema.String,
  alert_code: Schema.String,
  episode: Schema.Int,
  status: Schema.Literals(["raised", "cleared"]),
  severity: Schema.Literals(["warning", "critical"]),
  reason: Schema.String,
}

const Step = Schema.Struct({
  kind: Schema.Literals(["event", "alert"]),
  event: Schema.Struct({
    ...place,
    event_id: Schema.String,
    occurred_at: Schema.String,
    kafka_at: Nullable(Schema.String),
    ingested_at: Schema.String,
    retried: Schema.Boolean,
    payload: Schema.String,
  }),
  change: Nullable(RowChange),
  alert: Nullable(Schema.Struct(transition)),
})

/** A page of a timeline. */
export const timelineSchema = pageSchema(Step as Documented)

const Decision = Schema.Struct({
  status: Schema.Literals(["raised", "cleared"]),
  reason: Schema.String,
  at: Schema.String,
  evaluated_at: Schema.String,
  deadline: Schema.String,
  threshold: Schema.Struct({
    window_ms: Schema.Int,
    policy_version: Schema.Int,
    settings: Schema.Unknown,
  }),
  observed: Schema.Unknown,
  position: Cut,
  evidence: Schema.Array(
    Schema.Struct({
      topic: Schema.String,
      partition: Schema.Int,
      offset: Schema.Int,
      event_id: Schema.String,
      event: Nullable(Entry),
    }),
  ),
  event: Entry,
})

const Alert = Schema.Struct({
  rule: Schema.String,
  alert_key: Schema.String,
  episode: Schema.Int,
  severity: Schema.Literals(["warning", "critical"]),
  service_scope: Schema.String,
  pair: Nullable(Schema.String),
  asset_id: Nullable(Schema.String),
  tx_hash: Nullable(Schema.String),
  raise: Nullable(Decision),
  clear: Nullable(Decision),
})

const explained = {
  event: Entry,
  changes: Schema.Array(RowChange),
  named_by: Schema.Array(
    Schema.Struct({ ...transition, alert_event_id: Schema.String, evaluated_at: Schema.String }),
  ),
}

const transfer = { transfer: Schema.Unknown, timeline: Schema.Array(Step), more: Schema.Boolean }

/** The answer to "why", by what was asked about. */
export const whySchema = Schema.Union([
  Schema.Struct({ kind: Schema.Literal("alert"), alert: Alert, ...explained }),
  Schema.Struct({ kind: Schema.Literal("event"), transfer: Schema.Unknown, ...explained }),
  Schema.Struct({ kind: Schema.Literal("transfer"), ...transfer }),
  Schema.Struct({
    kind: Schema.Literal("transaction"),
    tx_hash: Schema.String,
    transfers: Schema.Array(Schema.Struct(transfer)),
  }),
]) as Documented
