import { alertTopic } from "@landfall/domain/topics/alert"
import type { Actor } from "../dead-letters/acts.ts"
import type { Admin } from "../kafka/admin.ts"
import type { Database, Transaction } from "../postgres/transaction.ts"
import { type Checkpoint, partitionName, readCheckpoints } from "./checkpoint.ts"
import { readGenerations } from "./generations.ts"

/** The topic cannot be adopted; the message says why. Nothing was changed. */
export class AdoptionRefused extends Error {
  override readonly name = "AdoptionRefused"
}

/** How one partition goes on in the recreated topic. */
export interface Adopted {
  readonly topic: string
  readonly partition: number
  readonly generation: number
  /** The position of the new topic's first message that Kafka has. */
  readonly first_position: number
  /** Added to Kafka's offsets to give positions. */
  readonly offset_base: number
  readonly topic_id: string
  readonly previous_topic_id: string
}

/**
 * Takes a topic that was deleted and created again as the next generation of the logs that were recorded: what is recorded
 * stays, and positions go on where it ended. `admin` must tell Kafka's own offsets. Only tells what it would do unless an
 * actor is given. Throws {@link AdoptionRefused}.
 */
export const adoptTopic = async (
  database: Database,
  admin: Pick<Admin, "describe" | "bounds">,
  topic: string,
  actor: Actor | null,
): Promise<ReadonlyArray<Adopted>> => {
  if (topic === alertTopic.name)
    throw new AdoptionRefused(
      `${topic} is not adopted: ops-sentinel counts the episodes of its alerts in the topic itself and would begin at 1 again, under ids that are recorded already; restore the topic from a backup of Kafka, or begin a database of its own; nothing was changed`,
    )
  const [described] = await admin.describe([topic])
  if (described === undefined) throw new AdoptionRefused(`Kafka has no topic ${topic}; nothing was changed`)
  const partitions = Array.from({ length: described.partitions }, (_, partition) => ({ topic, partition }))
  const bounds = await admin.bounds(partitions)
  return database.transaction(async (transaction) => {
    // Nobody is in the middle of a batch, and none begins before the checkpoints speak of the new topic.
    if (actor !== null) await transaction.script("lock table checkpoints in exclusive mode")
    const known = await readGenerations(transaction)
    const adopted: Adopted[] = []
    for (const checkpoint of await readCheckpoints(transaction, topic)) {
      const earliest = bounds[checkpoint.partition]?.earliest
      if (earliest === undefined || checkpoint.topicId.equals(described.topicId)) continue
      const before = known.findLast((one) => partitionName(one) === partitionName(checkpoint))
      adopted.push({
        topic,
        partition: checkpoint.partition,
        generation: (before?.generation ?? 1) + 1,
        first_position: checkpoint.nextOffset,
        offset_base: checkpoint.nextOffset - earliest,
        topic_id: described.topicId.toString("hex"),
        previous_topic_id: checkpoint.topicId.toString("hex"),
      })
      if (actor !== null) await adopt(transaction, checkpoint, adopted.at(-1) as Adopted, actor)
    }
    if (adopted.length === 0)
      throw new AdoptionRefused(
        `${topic} is the topic that was recorded, or nothing of it was: there is nothing to adopt; nothing was changed`,
      )
    return adopted
  })
}

const adopt = async (
  transaction: Transaction,
  checkpoint: Checkpoint,
  next: Adopted,
  actor: Actor,
): Promise<void> => {
  await transaction.query(
    `insert into log_generations (topic, topic_partition, generation, offset_base, first_position, topic_id, previous_topic_id,
       adopted_by, reason)
     values ($1, $2::integer, $3::integer, $4::bigint, $5::bigint, $6::text::uuid, $7::text::uuid, $8, $9)`,
    [
      ...[next.topic, next.partition, next.generation, next.offset_base, next.first_position],
      ...[next.topic_id, next.previous_topic_id, actor.by, actor.why],
    ],
  )
  // The last message that was read is not in the new topic: there is nothing to meet again.
  await transaction.query(
    `update checkpoints set topic_id = $3::text::uuid, last_offset = null, last_leaf_hash = null
     where topic = $1 and topic_partition = $2`,
    [checkpoint.topic, checkpoint.partition, next.topic_id],
  )
}
