import { recordDecoder } from "@landfall/domain/codec"
import type { Position } from "@landfall/domain/position"
import { type Alert, alertEventId, alertTopic } from "@landfall/domain/topics/alert"
import type { Transaction } from "../postgres/transaction.ts"
import type { EventEntry } from "./events.ts"
import { findEvents } from "./find-events.ts"

/** An event that a decision names as its evidence, and the event itself; null when the record does not have it. */
export interface NamedEvidence {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly event_id: string
  readonly event: EventEntry | null
}

/** A raise or a clear, with all that made it so. */
export interface AlertDecision {
  readonly status: Alert["status"]
  readonly reason: string
  /** When the rule was broken, or no longer was. */
  readonly at: string
  /** The tick that decided it, and the deadline that had passed. */
  readonly evaluated_at: string
  readonly deadline: string
  /** The window that was exceeded (0: wrong at once), and the rule's settings under the policy of then. */
  readonly threshold: {
    readonly window_ms: number
    readonly policy_version: number
    readonly settings: unknown
  }
  /** What was seen of the subject. */
  readonly observed: unknown
  /** How far the evaluator had read every partition that can hold the subject. */
  readonly position: Position
  readonly evidence: ReadonlyArray<NamedEvidence>
  /** The transition itself. */
  readonly event: EventEntry
}

/** One episode of an alert: why it was raised, and why it was cleared; null for what is not in the record. */
export interface AlertExplanation {
  readonly rule: string
  readonly alert_key: string
  readonly episode: number
  readonly severity: Alert["severity"]
  readonly service_scope: string
  readonly pair: string | null
  readonly asset_id: string | null
  readonly tx_hash: string | null
  readonly raise: AlertDecision | null
  readonly clear: AlertDecision | null
}

const decodeAlert = recordDecoder(alertTopic)

/** The alert that an event's bytes tell; null for bytes that today's schema refuses. */
export const alertOf = (event: EventEntry): Alert | null => {
  const decoded = decodeAlert(Buffer.from(event.payload, "utf8"))
  return decoded.ok ? decoded.record : null
}

/** Explains the episode that a transition belongs to. */
export const explainAlert = async (transaction: Transaction, alert: Alert): Promise<AlertExplanation> => {
  const { alert_key, episode } = alert
  const ids = {
    raised: alertEventId(alert_key, episode, "raised"),
    cleared: alertEventId(alert_key, episode, "cleared"),
  }
  // The transition that was asked about may have come under an id that nobody would make of it.
  const events = await findEvents(transaction, [ids.raised, ids.cleared, alert.alert_event_id])
  const decisionOn = async (status: Alert["status"]): Promise<AlertDecision | null> => {
    const own = alert.status === status ? events.get(alert.alert_event_id) : undefined
    const event = own ?? events.get(ids[status])
    const told = event === undefined ? null : alertOf(event)
    return event === undefined || told === null ? null : decision(transaction, told, event)
  }
  return {
    rule: alert.alert_code,
    alert_key,
    episode,
    severity: alert.severity,
    service_scope: alert.service_scope,
    pair: alert.pair ?? null,
    asset_id: alert.asset_id ?? null,
    tx_hash: alert.tx_hash ?? null,
    raise: await decisionOn("raised"),
    clear: await decisionOn("cleared"),
  }
}

const decision = async (
  transaction: Transaction,
  alert: Alert,
  event: EventEntry,
): Promise<AlertDecision> => {
  const { details } = alert
  const references = details.evidence
  const found = await findEvents(
    transaction,
    references.map(({ event_id }) => event_id),
  )
  return {
    status: alert.status,
    reason: alert.reason,
    at: alert.cleared_at ?? alert.raised_at,
    evaluated_at: details.evaluated_at,
    deadline: details.deadline,
    threshold: {
      window_ms: details.window_ms,
      policy_version: details.policy_version,
      settings: await settingsOf(transaction, details.policy_version, alert.alert_code),
    },
    observed: details["observed"] ?? null,
    position: details.cut,
    evidence: references.map((reference) => ({ ...reference, event: found.get(reference.event_id) ?? null })),
    event,
  }
}

/** What the policy of that version says of the rule; null when the version was never recorded. */
const settingsOf = async (transaction: Transaction, version: number, rule: string): Promise<unknown> => {
  const [row] = await transaction.query<{ policy: string }>(
    "select policy from alert_policies where version = $1::bigint",
    [String(version)],
  )
  if (row === undefined) return null
  const policy = JSON.parse(row.policy) as { readonly rules?: { readonly [code: string]: unknown } }
  return policy.rules?.[rule] ?? null
}

/** Most alerts that are shown for one event: a price is named by few, an attack by many. */
const namingMax = 100

/** A transition whose evidence names an event. */
export type NamingAlert = Pick<
  Alert,
  "alert_event_id" | "alert_key" | "alert_code" | "episode" | "status" | "severity" | "reason"
> & { readonly evaluated_at: string }

/** The raises and clears whose evidence names the event, in the order of the log. */
export const alertsNaming = async (
  transaction: Transaction,
  eventId: string,
): Promise<ReadonlyArray<NamingAlert>> => {
  const rows = await transaction.query<{ payload: string }>(
    `select payload from (
       select payload, topic_partition, kafka_offset from ops_alerts
         where alert_evidence_ids(payload) @> array[$1::text::uuid]
       union all select payload, topic_partition, kafka_offset from retried_letters
         where topic = 'ops.alert' and strpos(payload, $1) > 0
     ) as naming order by topic_partition, kafka_offset limit ${namingMax}`,
    [eventId],
  )
  return rows.flatMap(({ payload }) => {
    const decoded = decodeAlert(Buffer.from(payload, "utf8"))
    if (!decoded.ok) return []
    const { record } = decoded
    const names = record.details.evidence.some((one) => one.event_id === eventId)
    if (!names) return []
    const { alert_event_id, alert_key, alert_code, episode, status, severity, reason } = record
    const { evaluated_at } = record.details
    return [{ alert_event_id, alert_key, alert_code, episode, status, severity, reason, evaluated_at }]
  })
}
