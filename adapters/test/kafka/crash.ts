import kafka from "@confluentinc/kafka-javascript"
import { onTestFinished } from "vitest"
import { asked, common, type KafkaConnection } from "../../src/kafka/configuration.ts"
import type { OutgoingMessage } from "../../src/kafka/publisher.ts"

/** Begins a transaction, has the broker take the messages, and goes no further, as a process that is killed then. */
export const crashInTransaction = async (
  connection: KafkaConnection,
  transactionalId: string,
  messages: ReadonlyArray<OutgoingMessage>,
): Promise<void> => {
  const producer = new kafka.Producer({
    ...common(connection),
    "transactional.id": transactionalId,
    partitioner: "murmur2",
    dr_cb: false,
  })
  producer.on("event.error", () => {})
  onTestFinished(() =>
    asked("closing", (done) => producer.disconnect(2_000, done)).then(
      () => {},
      () => {},
    ),
  )
  await asked("connecting", (done) => producer.connect({ timeout: 10_000 }, done))
  const step = (call: (done: (error: unknown) => void) => void) =>
    asked<void>("crashing", (done) => call((error) => done(error, undefined)))
  await step((done) => producer.initTransactions(10_000, done))
  await step((done) => producer.beginTransaction(done))
  for (const { topic, key, value } of messages) producer.produce(topic, null, Buffer.from(value), key)
  await step((done) => producer.flush(10_000, done))
}
