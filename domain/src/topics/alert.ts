import { Schema } from "effect"
import { fields } from "../column.ts"
import { deterministicId, Uuid } from "../deterministic-id.ts"
import { FreeJson, hasFieldNames } from "../json.ts"
import { Cut } from "../position.ts"
import { Count, Hash, LongText, Text, WholeNumber } from "../text.ts"
import { Timestamp } from "../timestamp.ts"
import { defineTopic } from "../topic.ts"

/** The states that Landfall alerts on; one rule and one runbook page each. */
export const AlertCode = Schema.Literals([
  "reference_price_stale",
  "inventory_snapshot_stale",
  "funding_seen_unconfirmed",
  "funding_confirmed_credit_pending",
  "funding_stuck",
  "executor_submission_failed",
])
export type AlertCode = typeof AlertCode.Type

/** An event that a decision rests on, by its place in Kafka. */
export const EvidenceReference = Schema.Struct({
  topic: Text,
  partition: Count,
  offset: WholeNumber,
  event_id: Uuid,
})

/** Why an alert was raised or cleared, enough to decide it again; rules may add fields of their own. */
export const AlertDetails = Schema.StructWithRest(
  Schema.Struct({
    evaluated_at: Timestamp,
    deadline: Timestamp,
    window_ms: WholeNumber,
    policy_version: Count,
    cut: Cut,
    evidence: Schema.Array(EvidenceReference).check(Schema.isMaxLength(1000)),
  }),
  [Schema.Record(Schema.String, FreeJson)],
).check(hasFieldNames)

/** One transition of one alert: it was raised, or it was cleared. */
export const Alert = Schema.Struct({
  alert_event_id: Uuid,
  alert_key: Text,
  /** Counts the key's raise-and-clear pairs from 1. */
  episode: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 2_147_483_647 })),
  alert_code: AlertCode,
  status: Schema.Literals(["raised", "cleared"]),
  severity: Schema.Literals(["warning", "critical"]),
  reason: LongText,
  service_scope: Text,
  pair: Schema.optionalKey(Text),
  asset_id: Schema.optionalKey(Text),
  tx_hash: Schema.optionalKey(Hash),
  raised_at: Timestamp,
  cleared_at: Schema.NullOr(Timestamp),
  first_raised_at: Timestamp,
  last_evaluated_at: Timestamp,
  details: AlertDetails,
}).check(
  Schema.makeFilter(
    (alert) =>
      (alert.status === "raised") === (alert.cleared_at === null) ||
      "cleared_at must be null exactly while raised",
  ),
)
export type Alert = typeof Alert.Type

/** Code, scope and subject; never a reason or a value, which change while the alert stays the same. */
export const alertKey = (code: AlertCode, scope: string, subject: string): string =>
  `${code}:${scope}:${subject}`

export const alertEventId = (key: string, episode: number, status: Alert["status"]): string =>
  deterministicId("alert", key, episode, status)

export const alertTopic = defineTopic<Alert>({
  name: "ops.alert",
  schema: Alert,
  key: (alert) => alert.alert_key,
  id: "alert_event_id",
  occurredAt: (alert) => alert.last_evaluated_at,
  evidenceTable: "ops_alerts",
  columns: fields<Alert>({
    alert_key: "text",
    episode: "integer",
    alert_code: "text",
    status: "text",
    severity: "text",
    pair: "text",
    asset_id: "text",
    tx_hash: "text",
    raised_at: "timestamptz",
    cleared_at: "timestamptz",
    last_evaluated_at: "timestamptz",
  }),
})
