import { recordDecoder } from "@landfall/domain/codec"
import type { AnyTopic } from "@landfall/domain/registry"
import { type AnyProjection, projectionsOfTopic } from "@landfall/projections/registry"
import { rowEncoder } from "@landfall/projections/row-codec"
import { type Checkpoint, partitionName } from "../history/checkpoint.ts"
import type { StoredRow } from "../history/snapshot-table.ts"
import type { Transaction } from "../postgres/transaction.ts"
import type { AttestedHead } from "./attested.ts"
import { differingColumns } from "./columns.ts"
import { checkDuplicates, compareWithTopic, unexplained } from "./compare-topic.ts"
import type { Findings } from "./findings.ts"
import { gapsBefore } from "./gaps.ts"
import { type Stored, type StoredMessage, storedMessages } from "./stored-messages.ts"
import type { TopicCopy } from "./topic-copy.ts"
import { treeChecker } from "./verify-tree.ts"

/** Rows of each projection of a topic, made from nothing, with the event that changed each last. */
export type Folds = ReadonlyMap<AnyProjection, Map<string, StoredRow>>

/** Folds that nothing was folded into yet. */
export const emptyFolds = (topic: AnyTopic): Folds =>
  new Map(projectionsOfTopic(topic.name).map((projection) => [projection, new Map<string, StoredRow>()]))

/** What a partition was found to hold. */
export interface PartitionCounts {
  readonly evidence: number
  readonly deadLetters: number
  readonly duplicates: number
}

export interface PartitionWork {
  readonly transaction: Transaction
  readonly findings: Findings
  readonly topic: AnyTopic
  readonly checkpoint: Checkpoint
  readonly folds: Folds
  readonly attested: ReadonlyArray<AttestedHead>
  /** Kafka's messages to compare with; null when there is nothing to compare with. */
  readonly copy: TopicCopy | null
  readonly onRows: (rows: number) => void
}

/**
 * Reads everything that is recorded of a partition, once and in order, and makes again what follows from it: each leaf, each
 * typed column, the Merkle tree, the projections' rows. Says where that differs from what is stored, attested and in Kafka.
 */
export const verifyPartition = async (work: PartitionWork): Promise<PartitionCounts> => {
  const { transaction, findings, topic, checkpoint, copy } = work
  const name = partitionName(checkpoint)
  const place = (offset: number): string => `${name}/${offset}`
  const check = rowChecker(work, place)
  const tree = treeChecker(work)
  const counts = { evidence: 0, dead_letter: 0, duplicate: 0 }
  const account = async (stored: ReadonlyArray<Stored>, next: number, upTo: number): Promise<number> => {
    const found = gapsBefore(next, [
      ...stored.map(({ offset }) => offset),
      ...(stored.length === 0 ? [upTo] : []),
    ])
    for (const gap of unexplained(found.gaps, copy?.held ?? null))
      findings.gap({ topic: topic.name, partition: checkpoint.partition, ...gap })
    const seen = copy === null ? [] : await compareWithTopic(copy, findings, place, stored, upTo)
    const known = new Set(seen.map(({ offset }) => offset))
    const unseen = stored.flatMap((one) =>
      one.kind === "duplicate" && !known.has(one.offset) ? [{ ...one, bytes: null }] : [],
    )
    await checkDuplicates(transaction, topic, findings, place, [...seen, ...unseen])
    return found.next
  }
  let next = checkpoint.firstOffset
  for await (const page of storedMessages(transaction, topic, checkpoint)) {
    for (const [index, one] of page.entries()) {
      counts[one.kind]++
      if (one.offset < checkpoint.firstOffset || one.offset >= checkpoint.nextOffset)
        findings.difference(
          one.kind === "evidence" ? "row" : one.kind,
          place(one.offset),
          `it is recorded, and the checkpoint says that the offsets from ${checkpoint.firstOffset} up to ${checkpoint.nextOffset} were read`,
        )
      if (page[index - 1]?.offset === one.offset)
        findings.difference("row", place(one.offset), "the offset is recorded twice, in two tables")
      if (one.kind !== "duplicate") check(one)
    }
    tree.add(page.filter((one) => one.kind === "evidence"))
    next = await account(page, next, (page.at(-1)?.offset ?? 0) + 1)
    work.onRows(page.length)
  }
  await account([], next, checkpoint.nextOffset)
  await tree.end()
  for (const [kind, counted, found] of [
    ["dead_letter", checkpoint.deadLetters, counts.dead_letter],
    ["duplicate", checkpoint.duplicates, counts.duplicate],
  ] as const)
    if (counted !== found)
      findings.difference(kind, name, `the checkpoint counted ${counted}, and ${found} are recorded`)
  return { evidence: counts.evidence, deadLetters: counts.dead_letter, duplicates: counts.duplicate }
}

/** Checks a message by itself, and folds it when it is an event. */
const rowChecker = (
  { findings, topic, checkpoint, folds }: PartitionWork,
  place: (offset: number) => string,
) => {
  const decode = recordDecoder(topic)
  const typed = rowEncoder(topic as unknown as AnyProjection)
  return (message: StoredMessage): void => {
    const { kind, offset, eventId, value, leaf, storedLeaf, columns } = message
    const subject = kind === "evidence" ? "row" : kind
    if (!leaf.equals(storedLeaf))
      findings.difference(subject, place(offset), "the row does not fit its leaf hash: it was changed")
    if (offset === checkpoint.last?.offset && !leaf.equals(checkpoint.last.leafHash))
      findings.difference(
        subject,
        place(offset),
        "the row is not the message that the checkpoint says was read last",
      )
    if (eventId === null) return
    const decoded = decode(value)
    if (!decoded.ok) return findings.difference(subject, place(offset), `it is no record: ${decoded.reason}`)
    const record = decoded.record as { readonly [field: string]: unknown }
    if (eventId !== String(record[topic.id]).toLowerCase())
      findings.difference(
        subject,
        place(offset),
        `its event id is ${eventId}, and its bytes say ${record[topic.id]}`,
      )
    if (kind === "evidence") {
      const wrong = differingColumns(typed(record), columns)
      if (wrong !== "") findings.difference("row", place(offset), `columns differ from its bytes: ${wrong}`)
    }
    for (const [projection, rows] of folds) {
      const key = projection.key(record)
      const before = rows.get(key)?.row ?? null
      const after = projection.evolve(before, record)
      if (after !== null && after !== before)
        rows.set(key, { row: after, partition: checkpoint.partition, offset })
    }
  }
}
