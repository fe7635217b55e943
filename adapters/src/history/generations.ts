import type { OffsetBases } from "../kafka/configuration.ts"
import type { Database, Transaction } from "../postgres/transaction.ts"
import { partitionName } from "./checkpoint.ts"

/**
 * Where in one log the records of a recreated topic begin. Positions are Kafka's offsets plus a base, so that they go on
 * where those of the topic before ended; before the first adoption the two are the same.
 */
export interface Generation {
  readonly topic: string
  readonly partition: number
  /** 2 for the first topic that was adopted. */
  readonly generation: number
  readonly offsetBase: number
  readonly firstPosition: number
  /** 16 bytes each. */
  readonly topicId: Buffer
  readonly previousTopicId: Buffer
}

const bytes = (uuid: string): Buffer => Buffer.from(uuid.replaceAll("-", ""), "hex")

/** Every generation that was adopted, by partition, the latest last. */
export const readGenerations = async (transaction: Transaction): Promise<ReadonlyArray<Generation>> => {
  const rows = await transaction.query<{
    topic: string
    topic_partition: number
    generation: number
    offset_base: string
    first_position: string
    topic_id: string
    previous_topic_id: string
  }>(
    `select topic, topic_partition, generation, offset_base, first_position, topic_id::text, previous_topic_id::text
     from log_generations order by topic, topic_partition, generation`,
  )
  return rows.map((row) => ({
    topic: row.topic,
    partition: row.topic_partition,
    generation: row.generation,
    offsetBase: Number(row.offset_base),
    firstPosition: Number(row.first_position),
    topicId: bytes(row.topic_id),
    previousTopicId: bytes(row.previous_topic_id),
  }))
}

/**
 * What is added to Kafka's offsets now, asked once and kept: whoever reads is started again after an adoption. `open` gives a
 * database of its own for the question, which is closed again: it may be asked in the midst of another's transaction.
 */
export const offsetBases = (open: () => Database): (() => Promise<OffsetBases>) => {
  let known: Promise<OffsetBases> | null = null
  const ask = async (): Promise<OffsetBases> => {
    const database = open()
    try {
      const generations = await database.transaction(readGenerations)
      return new Map(generations.map((one) => [partitionName(one), one.offsetBase]))
    } finally {
      await database.close()
    }
  }
  return () => {
    known ??= ask().catch((error) => {
      known = null
      throw error
    })
    return known
  }
}

/** A function from a position in one partition's log to the id of the topic that it came from. */
export const topicIdAt = async (
  transaction: Transaction,
  at: { readonly topic: string; readonly partition: number; readonly topicId: Buffer },
): Promise<(position: number) => Buffer> => {
  const own = (await readGenerations(transaction)).filter(
    ({ topic, partition }) => topic === at.topic && partition === at.partition,
  )
  return (position) =>
    own.find(({ firstPosition }) => position < firstPosition)?.previousTopicId ?? at.topicId
}
