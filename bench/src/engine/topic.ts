import { openAdmin } from "@landfall/adapters/kafka/admin"
import { openBulkProducer } from "@landfall/adapters/kafka/bulk-producer"
import type { KafkaConnection } from "@landfall/adapters/kafka/configuration"
import { topics } from "@landfall/domain/registry"
import { fundingObservationTopic } from "@landfall/domain/topics/funding-observation"
import type { Produced } from "../observations.ts"

export const partitions = 4

/** Creates the topics and fills that of the observations; gives the bytes of all values. */
export const fillTopic = async (
  connection: KafkaConnection,
  messages: Iterable<Produced>,
): Promise<{ readonly bytes: number }> => {
  const admin = openAdmin(connection)
  await admin.create(topics.map(({ name }) => ({ name, partitions })))
  admin.close()
  const producer = await openBulkProducer(connection)
  let bytes = 0
  const all = function* () {
    for (const { key, value } of messages) {
      bytes += value.length
      yield { topic: fundingObservationTopic.name, key, value }
    }
  }
  await producer.send(all())
  await producer.close()
  return { bytes }
}
