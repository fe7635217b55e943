import type { AnyTopic } from "@landfall/domain/registry"
import { trustedDecoder } from "@landfall/domain/trusted-decoder"
import { type EvidenceQuery, readEvidence } from "../history/evidence-source.ts"
import { BinaryRowReader } from "../postgres/binary-copy-reader.ts"
import type { Transaction } from "../postgres/transaction.ts"

/** Evidence that is no record of its topic under today's schema, or no JSON at all: nothing can be folded past it. */
export class EvidenceUnreadable extends Error {
  override readonly name = "EvidenceUnreadable"
}

/** Told of each event in the order of its log; `retried` came as a dead letter, and has no leaf in the log. */
export type TakeEvent = (record: unknown, offset: number, retried: boolean) => void

/** A stretch of one partition. */
export type Stretch = Required<Pick<EvidenceQuery, "partition" | "from" | "to">>

/**
 * Offsets whose events the server hands over as one text: few enough that even the longest messages fit into memory, enough
 * that the cost of a row, on both sides, is spread.
 */
const groupOffsets = 64

/**
 * Gives every event of the stretch to `take`: the same events, in the same order, as {@link readEvidence} reads, only
 * faster, because they come by COPY in groups of JSON and are read on trust. Where dead letters were retried it is read by
 * that. Calls `onGroup` now and then with how many events there were. Throws {@link EvidenceUnreadable}.
 */
export const copyEvidence = async (
  transaction: Transaction,
  topic: AnyTopic,
  stretch: Stretch,
  take: TakeEvent,
  onGroup: (events: number) => void = () => {},
): Promise<void> => {
  if (stretch.from >= stretch.to) return
  if (await hasRetried(transaction, topic, stretch))
    return readOneByOne(transaction, topic, stretch, take, onGroup)
  const decode = trustedDecoder(topic)
  const reader = new BinaryRowReader()
  for await (const chunk of await transaction.copyOut(copyStatement(topic, stretch))) {
    for (const [start, events] of reader.rows(chunk)) {
      if (!start || !events) continue
      const items = parseGroup(topic, stretch, Number(start.readBigInt64BE()), events)
      for (let at = 0; at < items.length; at += 2) {
        const offset = items[at] as number
        const decoded = decode(items[at + 1])
        if (!decoded.ok) throw unreadable(topic, stretch.partition, offset, decoded.reason)
        take(decoded.record, offset, false)
      }
      onGroup(items.length / 2)
    }
  }
}

/** Offset, record, offset, record, …: the payloads are JSON, so a group of them with commas between is a JSON array. */
const copyStatement = ({ evidenceTable }: AnyTopic, { partition, from, to }: Stretch): string =>
  `copy (select start, events from generate_series(${from}::bigint, ${to - 1}::bigint, ${groupOffsets}) as start
     cross join lateral (select string_agg(kafka_offset || ',' || payload, ',') as events from (
       select kafka_offset, payload from ${evidenceTable}
       where topic_partition = ${partition} and kafka_offset >= start
         and kafka_offset < least(start + ${groupOffsets}, ${to}::bigint)
       order by kafka_offset) as ordered) as grouped
   where events is not null) to stdout (format binary)`

const hasRetried = async (
  transaction: Transaction,
  { name }: AnyTopic,
  { partition, from, to }: Stretch,
): Promise<boolean> => {
  const [found] = await transaction.query<{ present: boolean }>(
    `select exists (select from retried_letters
       where topic = $1 and topic_partition = $2 and kafka_offset >= $3 and kafka_offset < $4) as present`,
    [name, partition, from, to],
  )
  return found?.present === true
}

const readOneByOne = async (
  transaction: Transaction,
  topic: AnyTopic,
  stretch: Stretch,
  take: TakeEvent,
  onGroup: (events: number) => void,
): Promise<void> => {
  for await (const page of readEvidence(transaction, topic, stretch)) {
    for (const { offset, decoded, retried } of page) {
      if (!decoded.ok) throw unreadable(topic, stretch.partition, offset, decoded.reason)
      take(decoded.record, offset, retried)
    }
    onGroup(page.length)
  }
}

/** The array of a group; throws unless its offsets rise within the group, which a payload that is more than one value would spoil. */
const parseGroup = (
  topic: AnyTopic,
  stretch: Stretch,
  start: number,
  events: Buffer,
): ReadonlyArray<unknown> => {
  const whole = (): ReadonlyArray<unknown> => {
    try {
      return JSON.parse(`[${events.toString("utf8")}]`)
    } catch {
      return []
    }
  }
  const items = whole()
  let next = start
  for (let at = 0; at < items.length; at += 2) {
    const offset = items[at]
    if (typeof offset !== "number" || offset < next) return refuse(topic, stretch, start)
    next = offset + 1
  }
  if (items.length === 0 || items.length % 2 !== 0 || next > start + groupOffsets)
    return refuse(topic, stretch, start)
  return items
}

const refuse = (topic: AnyTopic, { partition, to }: Stretch, start: number): never => {
  const end = Math.min(start + groupOffsets, to) - 1
  throw new EvidenceUnreadable(
    `${topic.evidenceTable} ${partition}, offsets ${start} to ${end}: a payload is not JSON, so it was changed after it was written; \`landfall verify\` names it; nothing was promoted`,
  )
}

const unreadable = (topic: AnyTopic, partition: number, offset: number, reason: string): EvidenceUnreadable =>
  new EvidenceUnreadable(
    `${topic.evidenceTable} ${partition}/${offset} is no record of ${topic.name} under today's schema: ${reason}; \`landfall verify\` tells whether it was changed, and an upcast of the topic reads what is older; nothing was promoted`,
  )
