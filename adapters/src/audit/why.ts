import { recordDecoder } from "@landfall/domain/codec"
import { topicByName } from "@landfall/domain/registry"
import { alertTopic } from "@landfall/domain/topics/alert"
import { alert as alertProjection } from "@landfall/projections/alert"
import { fundingTransfer } from "@landfall/projections/funding-transfer"
import { type AnyProjection, projectionsOfTopic } from "@landfall/projections/registry"
import type { Transaction } from "../postgres/transaction.ts"
import type { RowChange } from "./change.ts"
import type { EventEntry } from "./events.ts"
import {
  type AlertExplanation,
  alertOf,
  alertsNaming,
  explainAlert,
  type NamingAlert,
} from "./explain-alert.ts"
import { findEvents } from "./find-events.ts"
import { readHistory } from "./history.ts"
import type { Keyed } from "./key-events.ts"
import { findRow, listRows } from "./rows.ts"
import { listTimeline, type TimelineStep } from "./timeline.ts"

/** An event, what it changed, and the alerts that rest on it. */
export interface ExplainedEvent {
  readonly event: EventEntry
  /** What it made of each row that it belongs to, field by field. */
  readonly changes: ReadonlyArray<RowChange>
  /** The raises and clears whose evidence names it. */
  readonly named_by: ReadonlyArray<NamingAlert>
}

/** A transfer as it is, and all that made it so. */
export interface ExplainedTransfer {
  readonly transfer: unknown
  readonly timeline: ReadonlyArray<TimelineStep>
  /** Whether there is more of the timeline than is shown here. */
  readonly more: boolean
}

/** The answer to "why", by what was asked about. */
export type Why =
  | ({ readonly kind: "alert"; readonly alert: AlertExplanation } & Partial<ExplainedEvent>)
  | ({ readonly kind: "event"; readonly transfer: unknown } & ExplainedEvent)
  | ({ readonly kind: "transfer" } & ExplainedTransfer)
  | {
      readonly kind: "transaction"
      readonly tx_hash: string
      readonly transfers: ReadonlyArray<ExplainedTransfer>
    }

/** Steps of a timeline, and transfers of one transaction, that one answer shows. */
const stepsMax = 500
const transfersMax = 20

/** What can be asked about, in words. */
export const whyAccepted =
  "the id of an event (an observation, an alert's raise or clear, a price, ...), a transfer id, a transaction hash or an alert key"

const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const transactionHash = /^(?:0x)?[0-9a-f]{64}$/

/** Whether the text can be asked about at all. */
export const canBeAsked = (subject: string): boolean =>
  uuid.test(subject) || transactionHash.test(subject) || subject.includes(":")

/** From an alert, an event, a transfer or a transaction to the exact events behind it; null when the record has no such. */
export const why = async (transaction: Transaction, subject: string): Promise<Why | null> => {
  if (uuid.test(subject)) return (await whyEvent(transaction, subject)) ?? whyTransfer(transaction, subject)
  if (transactionHash.test(subject)) return whyTransaction(transaction, subject)
  return whyAlertKey(transaction, subject)
}

const whyEvent = async (transaction: Transaction, id: string): Promise<Why | null> => {
  const event = (await findEvents(transaction, [id])).get(id)
  if (event === undefined) return null
  const explained = await explainEvent(transaction, event)
  const alert = event.topic === alertTopic.name ? alertOf(event) : null
  if (alert !== null) return { kind: "alert", alert: await explainAlert(transaction, alert), ...explained }
  const [change] = explained.changes
  const row =
    change?.projection === fundingTransfer.name
      ? await findRow(transaction, fundingTransfer, change.key, null)
      : null
  return { kind: "event", transfer: row?.row ?? null, ...explained }
}

/** What an event changed, and what rests on it. */
export const explainEvent = async (transaction: Transaction, event: EventEntry): Promise<ExplainedEvent> => ({
  event,
  changes: await changesOf(transaction, event),
  named_by: await alertsNaming(transaction, event.event_id),
})

const changesOf = async (transaction: Transaction, event: EventEntry): Promise<ReadonlyArray<RowChange>> => {
  const topic = topicByName(event.topic)
  if (topic === undefined) return []
  const decoded = recordDecoder(topic)(Buffer.from(event.payload, "utf8"))
  if (!decoded.ok) return []
  const changes: RowChange[] = []
  for (const projection of projectionsOfTopic(topic.name)) {
    const keyed = await findRow(transaction, projection, projection.key(decoded.record), null)
    if (keyed === null) continue // an event that concerns no row
    const change =
      (await changeBy(transaction, projection, keyed, event.event_id, false)) ??
      (await changeBy(transaction, projection, keyed, event.event_id, true))
    if (change !== null) changes.push(change)
  }
  return changes
}

/** What one event of a row's history made of the row; null when the history that was read has no such event. */
const changeBy = async (
  transaction: Transaction,
  projection: AnyProjection,
  keyed: Keyed,
  eventId: string,
  thorough: boolean,
): Promise<RowChange | null> => {
  for await (const { event, change } of readHistory(transaction, projection, keyed, null, thorough))
    if (event.eventId === eventId) return change
  return null
}

const whyTransfer = async (transaction: Transaction, id: string): Promise<Why | null> => {
  const found = await findRow(transaction, fundingTransfer, id, null)
  return found === null ? null : { kind: "transfer", ...(await explainTransfer(transaction, found)) }
}

const explainTransfer = async (
  transaction: Transaction,
  found: { readonly key: string; readonly row: unknown },
): Promise<ExplainedTransfer> => {
  const query = { after: null, asOf: null, limit: stepsMax + 1 }
  const steps = await listTimeline(transaction, fundingTransfer, found, query)
  const timeline = steps.slice(0, stepsMax).map(({ place: _, ...step }) => step)
  return { transfer: found.row, timeline, more: steps.length > stepsMax }
}

const whyTransaction = async (transaction: Transaction, tx_hash: string): Promise<Why | null> => {
  const conditions = [{ column: "tx_hash", type: "text", is: "=", value: tx_hash }] as const
  const query = { conditions, after: null, asOf: null }
  const transfers: ExplainedTransfer[] = []
  for (const found of await listRows(transaction, fundingTransfer, query, transfersMax))
    transfers.push(await explainTransfer(transaction, found))
  return transfers.length === 0 ? null : { kind: "transaction", tx_hash, transfers }
}

const whyAlertKey = async (transaction: Transaction, alert_key: string): Promise<Why | null> => {
  const found = await findRow(transaction, alertProjection, alert_key, null)
  if (found === null) return null
  const { alert_event_id } = found.row as { readonly alert_event_id: string }
  return whyEvent(transaction, alert_event_id)
}
