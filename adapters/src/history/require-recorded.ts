import { topicByName } from "@landfall/domain/registry"
import type { Admin } from "../kafka/admin.ts"
import type { KafkaConnection } from "../kafka/configuration.ts"
import { openConsumer } from "../kafka/consumer.ts"
import { type Checkpoint, partitionName } from "./checkpoint.ts"
import { messageReader } from "./read-message.ts"
import { kafkaLogs, LogBroken, requireContinuable } from "./resume.ts"

const waitMs = 20
const queuedBytesMax = 1024 * 1024
const deadlineMs = 30_000

/**
 * Throws {@link LogBroken} unless Kafka's logs are still those that were recorded up to the checkpoints, which must have been
 * read before this is called: neither made anew, nor cut, nor restored from an old backup and written on since. Who decides
 * from a log asks this first; what it would publish from an older one has been published before.
 */
export const requireRecorded = async (
  { kafka, admin }: { readonly kafka: KafkaConnection; readonly admin: Admin },
  checkpoints: ReadonlyArray<Checkpoint>,
): Promise<void> => {
  if (checkpoints.length === 0) return
  const logs = await kafkaLogs(admin, checkpoints)
  const wanted = new Map<string, Checkpoint>()
  for (const checkpoint of checkpoints) {
    const log = logs.get(partitionName(checkpoint))
    if (log === undefined) continue
    requireContinuable(checkpoint, log)
    if (checkpoint.last !== null && checkpoint.last.offset >= log.earliest)
      wanted.set(partitionName(checkpoint), checkpoint)
  }
  if (wanted.size > 0) await meetAgain(kafka, wanted)
}

/** Reads the last message of each partition that was read before. */
const meetAgain = async (kafka: KafkaConnection, wanted: Map<string, Checkpoint>): Promise<void> => {
  const consumer = await openConsumer(kafka, { group: null, waitMs, queuedBytesMax })
  const deadline_ms = performance.now() + deadlineMs
  try {
    consumer.assign(
      Array.from(wanted.values(), ({ topic, partition, last }) => ({
        ...{ topic, partition },
        offset: last?.offset ?? 0,
      })),
    )
    while (wanted.size > 0) {
      for (const message of await consumer.consume(100)) {
        const name = partitionName(message)
        const checkpoint = wanted.get(name)
        const topic = topicByName(message.topic)
        if (checkpoint === undefined || topic === undefined) continue
        wanted.delete(name)
        consumer.pause([message])
        requireSame(checkpoint, messageReader(topic)(message, checkpoint.topicId))
      }
      if (performance.now() > deadline_ms)
        throw new Error(`the last recorded message of ${[...wanted.keys()].join(", ")} was not read in time`)
    }
  } finally {
    await consumer.close()
  }
}

const requireSame = (
  checkpoint: Checkpoint,
  found: { readonly offset: number; readonly leafHash: Buffer },
): void => {
  const { last } = checkpoint
  if (last === null || (found.offset === last.offset && found.leafHash.equals(last.leafHash))) return
  throw new LogBroken(
    `${partitionName(checkpoint)}: the message at offset ${last.offset} is not the one that was recorded (found offset ${found.offset}, leaf ${found.leafHash.toString("hex")}, expected ${last.leafHash.toString("hex")}): the log was cut, or restored from an old backup, and written anew; see docs/runbook/log-broken.md; nothing was decided and nothing was published`,
  )
}
