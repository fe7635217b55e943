import kafka from "@confluentinc/kafka-javascript"
import type { Cut } from "@landfall/domain/position"
import { callsOf } from "../kafka/calls.ts"
import { basesOf, common, type KafkaConnection, shifted } from "../kafka/configuration.ts"
import { type ListedOffset, listOffsets } from "../kafka/list-offsets.ts"

/** Asks again and again where the same partitions end. */
export interface PartitionEnds {
  /** The ends now. A topic of which one partition's end is not known is left out: it cannot be called read. */
  readonly read: () => Promise<Cut>
  readonly close: () => void
}

/** Shorter than an operator waits for a tick; a broker that answers at all answers within milliseconds. */
const timeoutMs = 2_000

/**
 * Where the partitions end, messages of open transactions included: what is written and not yet readable may be the very
 * news that a rule waits for, and our own publications count from when they are written, not from when they are visible.
 */
export const openPartitionEnds = (
  connection: KafkaConnection,
  partitions: ReadonlyArray<{ readonly topic: string; readonly partition: number }>,
): PartitionEnds => {
  const client = kafka.AdminClient.create(common(connection))
  const calls = callsOf()
  const options = { timeout: timeoutMs, isolationLevel: kafka.IsolationLevel.READ_UNCOMMITTED }
  return {
    read: async () => {
      const listed = await calls.count(listOffsets(client, partitions, kafka.OffsetSpec.LATEST, options))
      const known = listed.filter(({ error, offset }) => error === undefined && offset >= 0)
      return endsOf(partitions, shifted(known, await basesOf(connection), 1))
    },
    close: () => calls.whenNone(() => client.disconnect()),
  }
}

/** The ends by topic and partition, of topics of which each is known. */
export const endsOf = (
  partitions: ReadonlyArray<{ readonly topic: string; readonly partition: number }>,
  listed: ReadonlyArray<ListedOffset>,
): Cut => {
  const known = new Map(
    listed
      .filter(({ error, offset }) => error === undefined && offset >= 0)
      .map(({ topic, partition, offset }) => [`${topic}/${partition}`, offset]),
  )
  const topics = Map.groupBy(partitions, ({ topic }) => topic)
  return Object.fromEntries(
    [...topics].flatMap(([topic, parts]) => {
      const ends = parts.flatMap(({ partition }) => {
        const end = known.get(`${topic}/${partition}`)
        return end === undefined ? [] : [[String(partition), end] as const]
      })
      return ends.length === parts.length ? [[topic, Object.fromEntries(ends)] as const] : []
    }),
  )
}
