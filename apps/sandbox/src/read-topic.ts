import { openAdmin } from "@landfall/adapters/kafka/admin"
import { KafkaError } from "@landfall/adapters/kafka/configuration"
import { openConsumer } from "@landfall/adapters/kafka/consumer"
import { recordDecoder } from "@landfall/domain/codec"
import type { Topic } from "@landfall/domain/topic"

const attemptsMax = 3

/**
 * Every committed record of a topic now, oldest first within its key. Throws for one that does not decode. A client that is
 * not answered is replaced by another one, twice.
 */
export const readTopic = async <Record>(
  brokers: string,
  topic: Topic<Record>,
): Promise<ReadonlyArray<Record>> => {
  for (let attempt = 1; ; attempt++) {
    try {
      return await readNow(brokers, topic)
    } catch (error) {
      if (!(error instanceof KafkaError) || attempt === attemptsMax) throw error
    }
  }
}

const readNow = async <Record>(brokers: string, topic: Topic<Record>): Promise<ReadonlyArray<Record>> => {
  const connection = { brokers, clientId: "sandbox-reader" }
  const admin = openAdmin(connection)
  const decode = recordDecoder(topic)
  const records: Record[] = []
  try {
    const [description] = await admin.describe([topic.name])
    const partitions = Array.from({ length: description?.partitions ?? 0 }, (_, partition) => ({
      topic: topic.name,
      partition,
    }))
    const bounds = await admin.bounds(partitions)
    const parts = partitions.flatMap((at, index) => {
      const { earliest = 0, end = 0 } = bounds[index] ?? {}
      return earliest < end ? [{ ...at, offset: earliest, end }] : []
    })
    const consumer = await openConsumer(connection, { group: null, waitMs: 20, queuedBytesMax: 8_388_608 })
    try {
      if (parts.length > 0) consumer.assign(parts.map(({ end: _end, ...at }) => at))
      const next = new Map(parts.map(({ partition, offset }) => [partition, offset]))
      const isRead = ({ partition, end }: (typeof parts)[number]): boolean =>
        (next.get(partition) ?? 0) >= end || (consumer.endOf(topic.name, partition)?.reached ?? 0) >= end
      while (!parts.every(isRead)) {
        for (const message of await consumer.consume(1_000)) {
          next.set(message.partition, message.offset + 1)
          const decoded = decode(message.value)
          if (!decoded.ok)
            throw new Error(`${topic.name}/${message.partition} offset ${message.offset}: ${decoded.reason}`)
          records.push(decoded.record)
        }
      }
    } finally {
      await consumer.close()
    }
  } finally {
    admin.close()
  }
  return records
}
