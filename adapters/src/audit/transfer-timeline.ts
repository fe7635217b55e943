import { timestamp } from "@landfall/domain/timestamp"
import { alertRules } from "@landfall/evaluators/alerts/rules/registry"
import { keyOf } from "@landfall/evaluators/alerts/state"
import { alert } from "@landfall/projections/alert"
import { type FundingTransfer, fundingTransfer } from "@landfall/projections/funding-transfer"
import type { AnyProjection } from "@landfall/projections/registry"
import type { EvidenceEvent } from "../history/evidence-source.ts"
import type { Transaction } from "../postgres/transaction.ts"
import { type Keyed, readKeyEvents } from "./key-events.ts"
import { findRow, listRows } from "./rows.ts"

/** One event in the life of a transfer, with its place. */
export interface TimelineEntry {
  readonly kind: "observation" | "alert"
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly event_id: string
  /** When the fact happened, as the record says. */
  readonly occurred_at: string
  /** When Kafka had it; null when Kafka does not say. */
  readonly kafka_at: string | null
  readonly ingested_at: string
  readonly record: unknown
}

const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i
const hashPrefix = /^(?:0x)?[0-9a-f]{4,64}$/i

/** Whether the text can name a transfer: its id, or at least four digits of a transaction hash. */
export const namesTransfer = (text: string): boolean => uuid.test(text) || hashPrefix.test(text)

/**
 * The transfers that a text names, at most `limit`: by id, or by the beginning of the chain's transaction hash, or else of
 * the bridge's.
 */
export const findTransfers = async (
  transaction: Transaction,
  text: string,
  limit: number,
): Promise<ReadonlyArray<FundingTransfer>> => {
  const wanted = text.toLowerCase()
  if (uuid.test(wanted)) {
    const found = await findRow(transaction, fundingTransfer, wanted, null)
    return found === null ? [] : [found.row as FundingTransfer]
  }
  const prefixes = wanted.startsWith("0x") ? [wanted] : [wanted, `0x${wanted}`]
  for (const column of ["tx_hash", "bridge_deposit_tx_hash"]) {
    const found: FundingTransfer[] = []
    for (const prefix of prefixes) {
      // `g` comes right after the digits of a hash.
      const conditions = [
        { column, type: "text", is: ">=", value: prefix },
        { column, type: "text", is: "<", value: `${prefix}g` },
      ] as const
      const rows = await listRows(
        transaction,
        fundingTransfer,
        { conditions, after: null, asOf: null },
        limit,
      )
      for (const { row } of rows) found.push(row as FundingTransfer)
    }
    if (found.length > 0) return found.slice(0, limit)
  }
  return []
}

/** The alerts that can be about a transfer: one of each rule that reads transfers. */
const alertKeys = (transferId: string): ReadonlyArray<string> =>
  alertRules
    .filter(({ reads }) => reads.projection.topic.name === fundingTransfer.topic.name)
    .map((rule) => keyOf(rule, transferId))

/** Every observation of a transfer and every transition of its alerts, in the order in which Kafka had them. */
export const readTransferTimeline = async (
  transaction: Transaction,
  transfer: FundingTransfer,
): Promise<ReadonlyArray<TimelineEntry>> => {
  const own = [{ key: transfer.transfer_id, row: transfer }]
  const keyed: Keyed[] = []
  for (const key of alertKeys(transfer.transfer_id)) {
    const found = await findRow(transaction, alert, key, null)
    if (found !== null) keyed.push({ key, row: found.row })
  }
  const entries = [
    ...(await entriesOf(transaction, "observation", fundingTransfer, own)),
    ...(await entriesOf(transaction, "alert", alert, keyed)),
  ]
  return entries.sort(
    (left, right) =>
      compare(left.kafka_at ?? left.ingested_at, right.kafka_at ?? right.ingested_at) ||
      // What was decided about an observation comes after it.
      compare(right.kind, left.kind) ||
      left.partition - right.partition ||
      left.offset - right.offset,
  )
}

const compare = (left: string, right: string): number => (left < right ? -1 : left > right ? 1 : 0)

const entriesOf = async (
  transaction: Transaction,
  kind: TimelineEntry["kind"],
  projection: AnyProjection,
  keys: ReadonlyArray<Keyed>,
): Promise<ReadonlyArray<TimelineEntry>> => {
  const entries: TimelineEntry[] = []
  for await (const page of readKeyEvents(transaction, projection, keys))
    for (const event of page) entries.push(entryOf(kind, projection, event))
  return entries
}

const entryOf = (
  kind: TimelineEntry["kind"],
  { topic }: AnyProjection,
  { partition, offset, eventId, kafkaTimestampMs, ingestedAtMs, payload, decoded }: EvidenceEvent,
): TimelineEntry => ({
  kind,
  topic: topic.name,
  partition,
  offset,
  event_id: eventId,
  occurred_at: decoded.ok ? topic.occurredAt(decoded.record) : timestamp(ingestedAtMs),
  kafka_at: kafkaTimestampMs < 0 ? null : timestamp(kafkaTimestampMs),
  ingested_at: timestamp(ingestedAtMs),
  record: decoded.ok ? decoded.record : payload,
})
