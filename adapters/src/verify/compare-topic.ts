import type { AnyTopic } from "@landfall/domain/registry"
import { arrayLiteral } from "../postgres/literal.ts"
import type { Transaction } from "../postgres/transaction.ts"
import type { Findings } from "./findings.ts"
import type { Gap } from "./gaps.ts"
import type { Stored, StoredDuplicate } from "./stored-messages.ts"
import type { TopicCopy } from "./topic-copy.ts"

/** A duplicate, and the bytes that Kafka has at its offset; null when Kafka was not asked or no longer holds them. */
export interface SeenDuplicate extends StoredDuplicate {
  readonly bytes: Buffer | null
}

/**
 * Holds recorded messages against Kafka's, up to an offset: the same leaf at the same offset, none more and none less.
 * Returns the duplicates among them with their bytes.
 */
export const compareWithTopic = async (
  copy: TopicCopy,
  findings: Findings,
  place: (offset: number) => string,
  stored: ReadonlyArray<Stored>,
  upTo: number,
): Promise<ReadonlyArray<SeenDuplicate>> => {
  const { from, to } = copy.held
  const expected = new Map(
    stored.filter(({ offset }) => offset >= from && offset < to).map((one) => [one.offset, one]),
  )
  const duplicates: SeenDuplicate[] = []
  for await (const portion of copy.before(upTo))
    for (const { offset, leaf, value } of portion) {
      const one = expected.get(offset)
      expected.delete(offset)
      if (one === undefined)
        findings.difference("topic", place(offset), "Kafka has a message here, and it is recorded nowhere")
      else if (one.kind === "duplicate") duplicates.push({ ...one, bytes: value })
      else if (!one.leaf.equals(leaf))
        findings.difference(
          "topic",
          place(offset),
          `what is recorded is not the message that Kafka has: its leaf hash is ${one.leaf.toString("hex")}, Kafka's ${leaf.toString("hex")}`,
        )
    }
  for (const offset of expected.keys())
    findings.difference(
      "topic",
      place(offset),
      "it is recorded, and Kafka, which holds the offsets around it, has no message here",
    )
  return duplicates
}

/** The parts of gaps that Kafka does not explain, because it was not asked or no longer holds them. */
export const unexplained = (gaps: ReadonlyArray<Gap>, held: Gap | null): ReadonlyArray<Gap> =>
  held === null
    ? gaps
    : gaps
        .flatMap(({ from, to }) => [
          { from, to: Math.min(to, held.from) },
          { from: Math.max(from, held.to), to },
        ])
        .filter(({ from, to }) => from < to)

/** Each duplicate must repeat an event that is kept, byte for byte where its bytes are still to be had. */
export const checkDuplicates = async (
  transaction: Transaction,
  topic: AnyTopic,
  findings: Findings,
  place: (offset: number) => string,
  duplicates: ReadonlyArray<SeenDuplicate>,
): Promise<void> => {
  if (duplicates.length === 0) return
  const ids = arrayLiteral([...new Set(duplicates.map(({ eventId }) => eventId))])
  const rows = await transaction.query<{ event_id: string; payload: string }>(
    `select event_id::text, payload from ${topic.evidenceTable} where event_id = any($1::uuid[])
     union all select event_id::text, payload from retried_letters where topic = $2 and event_id = any($1::uuid[])`,
    [ids, topic.name],
  )
  const kept = new Map(rows.map(({ event_id, payload }) => [event_id, payload]))
  for (const { offset, eventId, bytes } of duplicates) {
    const payload = kept.get(eventId)
    if (payload === undefined)
      findings.difference("duplicate", place(offset), `it repeats ${eventId}, and there is no such event`)
    else if (bytes !== null && !bytes.equals(Buffer.from(payload, "utf8")))
      findings.difference(
        "duplicate",
        place(offset),
        `it is recorded as repeating ${eventId}, and Kafka has other bytes here`,
      )
  }
}
