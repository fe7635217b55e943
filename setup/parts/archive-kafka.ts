import { mkdtemp, rename, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import kafka from "@confluentinc/kafka-javascript"
import { kafkaArchive, requireArchive, smallJava, startKafka } from "./kafka.ts"
import { createTopics } from "./topics.ts"

// Starts a broker once, has it do what clients ask of it, and keeps the classes that it loaded, read and checked, where
// `startKafka` finds them: half of what a start costs.

const topic = "used"

/** A transaction as services publish it, and a group that reads it. */
const useBroker = async (brokers: string): Promise<void> => {
  await createTopics(brokers, [{ topic, partitions: 2 }])
  const client = new kafka.KafkaJS.Kafka({ "bootstrap.servers": brokers, log_level: 0 })
  const producer = client.producer({ "transactional.id": "used", "compression.codec": "lz4" })
  await producer.connect()
  const transaction = await producer.transaction()
  await transaction.send({ topic, messages: [{ key: "key", value: "value" }] })
  await transaction.commit()
  const consumer = client.consumer({ "group.id": "used", "auto.offset.reset": "earliest" })
  await consumer.connect()
  await consumer.subscribe({ topic })
  await new Promise<void>((resolve, reject) => {
    consumer.run({ eachMessage: async () => resolve() }).catch(reject)
  })
  await Promise.all([consumer.disconnect(), producer.disconnect()])
}

/** Java writes the archive while the broker stops, some seconds on a machine with nothing else to do. */
const stopTimeoutMs = 180_000

const dir = await mkdtemp(join(tmpdir(), "landfall-archive-"))
try {
  const archive = `${kafkaArchive}.part`
  const broker = await startKafka({
    dir,
    stopTimeoutMs,
    javaFlags: [...smallJava, `-XX:ArchiveClassesAtExit=${archive}`],
  })
  await useBroker(broker.brokers)
  await broker.stop()
  await requireArchive(archive, join(dir, "archive.log"))
  await rename(archive, kafkaArchive)
} finally {
  await rm(dir, { recursive: true, force: true })
}
