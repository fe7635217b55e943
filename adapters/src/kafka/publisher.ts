import kafka from "@confluentinc/kafka-javascript"
import { failpoint } from "../process/failpoint.ts"
import { callsOf } from "./calls.ts"
import { asked, common, connected, type KafkaConnection, KafkaError } from "./configuration.ts"

/** One record to publish; the key decides its partition. */
export interface OutgoingMessage {
  readonly topic: string
  readonly key: string
  readonly value: string
}

/** Another instance has taken over our transactional id: this one must end. */
export class Fenced extends Error {
  override readonly name = "Fenced"
}

/** The messages may or may not have been published; read the topics to their end before deciding anything again. */
export class PublishUncertain extends Error {
  override readonly name = "PublishUncertain"
}

/** Publishes batches, each of them whole or not at all. */
export interface TransactionalPublisher {
  /**
   * Takes the transactional id: fences an earlier holder, aborts what it left open, and waits until readers can see all
   * that it committed. What is read of the topics after this is all there is.
   */
  readonly open: () => Promise<void>
  /**
   * Resolves once the batch is committed; readers may see it a moment later. After a rejection the producer is gone;
   * `open` makes a new one.
   */
  readonly publish: (messages: ReadonlyArray<OutgoingMessage>) => Promise<void>
  readonly close: () => Promise<void>
}

export interface PublisherOptions {
  /** How long each answer is waited for; the broker aborts what was left open after the same time. */
  readonly timeoutMs?: number
  /** The time that messages are stamped with, in epoch milliseconds: a broker refuses those of a clock that is an hour ahead. */
  readonly now?: () => number
}

// librdkafka's (_FENCED) and the broker's (INVALID_PRODUCER_EPOCH, PRODUCER_FENCED) words for: somebody else holds this
// transactional id now.
const fencedCodes: ReadonlySet<number> = new Set([-144, 47, 90])
const defaultTimeoutMs = 30_000

/**
 * A publisher with a transactional id of its own. The client's commit and abort can be applied late by the broker
 * (librdkafka lacks KIP-890), so after any error the producer is thrown away; ids that are deterministic make a
 * repetition harmless.
 */
export const openPublisher = (
  connection: KafkaConnection,
  transactionalId: string,
  { timeoutMs = defaultTimeoutMs, now = Date.now }: PublisherOptions = {},
): TransactionalPublisher => {
  let producer: kafka.Producer | null = null
  const calls = callsOf()

  const discard = async (): Promise<void> => {
    const old = producer
    producer = null
    if (old !== null)
      await asked("closing the producer", (done) => old.disconnect(2_000, done)).catch(() => {})
  }

  const failed = async (outcome: string, error: unknown): Promise<never> => {
    await discard()
    const code = error instanceof KafkaError ? error.code : 0
    const words = error instanceof Error ? error.message : String(error)
    if (fencedCodes.has(code))
      throw new Fenced(
        `another instance now holds the transactional id ${transactionalId}; this one must end (${words})`,
      )
    throw new PublishUncertain(`${outcome} (${words})`, { cause: error })
  }

  const open = async (): Promise<void> => {
    await discard()
    const fresh = new kafka.Producer({
      ...common(connection),
      "transactional.id": transactionalId,
      "enable.idempotence": true,
      "transaction.timeout.ms": timeoutMs,
      "compression.type": "lz4",
      "linger.ms": 0,
      // Java's partitioner, so that every producer puts a key into the same partition.
      partitioner: "murmur2",
      dr_cb: false,
    })
    fresh.on("event.error", () => {}) // each call reports its own failure; without a listener the process would end
    producer = fresh
    try {
      await connected("connecting the producer", fresh, timeoutMs)
      await asked<void>("taking the transactional id", (done) =>
        fresh.initTransactions(timeoutMs, (error) => done(error, undefined)),
      )
    } catch (error) {
      await failed("the publisher could not be opened", error)
    }
  }

  const publish = async (messages: ReadonlyArray<OutgoingMessage>): Promise<void> => {
    const mine = producer
    if (mine === null) throw new PublishUncertain("there is no producer; open the publisher again")
    try {
      await asked<void>("beginning a transaction", (done) =>
        mine.beginTransaction((error) => done(error, undefined)),
      )
      for (const { topic, key, value } of messages) {
        try {
          mine.produce(topic, null, Buffer.from(value, "utf8"), key, now())
        } catch (error) {
          throw new KafkaError(`producing to ${topic}`, error)
        }
      }
      // The client says only how many messages the broker refused, so the topics are named here.
      const topics = [...new Set(messages.map(({ topic }) => topic))].join(", ")
      failpoint("before_kafka_commit")
      await asked<void>(
        `committing to ${topics} (do they exist, may this user write to them, and do they take messages of this size?)`,
        (done) => mine.commitTransaction(timeoutMs, (error) => done(error, undefined)),
      )
      failpoint("after_kafka_commit")
    } catch (error) {
      await failed("the batch may or may not have been published", error)
    }
  }

  return {
    open: () => calls.count(open()),
    publish: (messages) => calls.count(publish(messages)),
    close: async () => {
      await new Promise<void>((resolve) => calls.whenNone(resolve))
      await discard()
    },
  }
}
