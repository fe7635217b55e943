import type { Alert } from "@landfall/domain/topics/alert"
import { alertRules } from "@landfall/evaluators/alerts/rules/registry"
import { keyOf } from "@landfall/evaluators/alerts/state"
import { alert as alertProjection } from "@landfall/projections/alert"
import type { AnyProjection } from "@landfall/projections/registry"
import type { Transaction } from "../postgres/transaction.ts"
import type { AsOf } from "./as-of.ts"
import type { RowChange } from "./change.ts"
import type { Place } from "./events.ts"
import { readHistory, type ShownEvent, shownEvent } from "./history.ts"
import type { Keyed } from "./key-events.ts"

/** One thing that happened to a row, or an alert about it that was raised or cleared. */
export interface TimelineStep {
  readonly kind: "event" | "alert"
  readonly event: ShownEvent
  /** What an event made of the row; of an alert, nothing. */
  readonly change: RowChange | null
  /** The transition, where the step is one. */
  readonly alert: Pick<
    Alert,
    "alert_key" | "alert_code" | "episode" | "status" | "severity" | "reason"
  > | null
}

/** How far a timeline was shown: the last event of the row, and how many transitions of alerts about it. */
export interface TimelinePlace {
  readonly event: Place | null
  readonly alerts: number
}

/** Most transitions of alerts about one row that are shown: those of a row that flaps for weeks. */
const alertsMax = 10_000

/**
 * What happened to one row, in the order in which it was folded, with the alerts about it where they were written. It is
 * made from the beginning for every page, because what an event changed is known only from the fold; what was shown
 * before is not held.
 */
export const listTimeline = async (
  transaction: Transaction,
  projection: AnyProjection,
  keyed: Keyed,
  query: { readonly after: TimelinePlace | null; readonly asOf: AsOf | null; readonly limit: number },
): Promise<ReadonlyArray<TimelineStep & { readonly place: TimelinePlace }>> => {
  const { after, asOf, limit } = query
  const alerts = await alertSteps(transaction, projection, keyed.key, asOf)
  const steps: Array<TimelineStep & { readonly place: TimelinePlace }> = []
  let shownAlerts = after?.alerts ?? 0
  let last: Place | null = after?.event ?? null
  const addAlertsBefore = (ingested_at: string | null): void => {
    for (; shownAlerts < alerts.length && steps.length < limit; shownAlerts++) {
      const step = alerts[shownAlerts] as TimelineStep
      if (ingested_at !== null && step.event.ingested_at >= ingested_at) return
      steps.push({ ...step, place: { event: last, alerts: shownAlerts + 1 } })
    }
  }
  for await (const { event, record, change } of readHistory(transaction, projection, keyed, asOf)) {
    if (!isAfter(event, after?.event ?? null)) continue
    const shown = shownEvent(projection.topic, event, record)
    addAlertsBefore(shown.ingested_at)
    if (steps.length >= limit) break
    last = { partition: event.partition, offset: event.offset }
    steps.push({
      kind: "event",
      event: shown,
      change,
      alert: null,
      place: { event: last, alerts: shownAlerts },
    })
  }
  addAlertsBefore(null)
  return steps
}

const isAfter = (event: Place, after: Place | null): boolean =>
  after === null ||
  event.partition > after.partition ||
  (event.partition === after.partition && event.offset > after.offset)

/** The keys of the alerts that there can be about a row. */
export const alertKeysOf = (projection: AnyProjection, key: string): ReadonlyArray<string> =>
  alertRules
    .filter((rule) => rule.reads.projection.topic.name === projection.topic.name)
    .map((rule) => keyOf(rule, key))

const alertSteps = async (
  transaction: Transaction,
  projection: AnyProjection,
  key: string,
  asOf: AsOf | null,
): Promise<ReadonlyArray<TimelineStep>> => {
  const steps: TimelineStep[] = []
  for (const alert_key of alertKeysOf(projection, key)) {
    const keyed = { key: alert_key, row: { alert_key } }
    for await (const { event, record } of readHistory(transaction, alertProjection, keyed, asOf)) {
      const { alert_code, episode, status, severity, reason } = record as Alert
      steps.push({
        kind: "alert",
        event: shownEvent(alertProjection.topic, event, record),
        change: null,
        alert: { alert_key, alert_code, episode, status, severity, reason },
      })
      if (steps.length >= alertsMax) break
    }
  }
  return steps.sort(byIngest)
}

/** In the order in which they were written; of one transaction, in the order of the log. */
const byIngest = ({ event: left }: TimelineStep, { event: right }: TimelineStep): number => {
  if (left.ingested_at !== right.ingested_at) return left.ingested_at < right.ingested_at ? -1 : 1
  return left.topic_partition - right.topic_partition || left.kafka_offset - right.kafka_offset
}
