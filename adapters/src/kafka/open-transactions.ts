import kafka from "@confluentinc/kafka-javascript"
import { asked, common, connected, type KafkaConnection, KafkaError, readerGroup } from "./configuration.ts"
import { type ListedOffset, listOffsets } from "./list-offsets.ts"

/** A partition of which readers of committed messages get no more: a transaction was begun there and has not ended. Kafka's own offsets. */
export interface OpenTransaction {
  readonly topic: string
  readonly partition: number
  /** The last stable offset, which is the first of the transaction that has been open for longest. */
  readonly stable: number
  /** The high watermark: where the partition ends. */
  readonly end: number
  /** The time of the message at `stable`, in epoch milliseconds, as its producer or the broker stamped it; null when it could not be read. */
  readonly since_ms: number | null
}

type Partitions = ReadonlyArray<{ readonly topic: string; readonly partition: number }>

const timeoutMs = 10_000

/**
 * The partitions in which a transaction is open now. Kafka has questions about transactions (ListTransactions, DescribeProducers), which
 * the client does not know; that the last stable offset stands behind the end can be seen with what it has. It does so for
 * moments whenever somebody publishes: since when tells the difference.
 */
export const openTransactions = async (
  connection: KafkaConnection,
  partitions: Partitions,
): Promise<ReadonlyArray<OpenTransaction>> => {
  const client = kafka.AdminClient.create(common(connection))
  const ends = async (isolationLevel: kafka.IsolationLevel): Promise<ReadonlyMap<string, ListedOffset>> => {
    const latest = kafka.OffsetSpec.LATEST
    const listed = await listOffsets(client, partitions, latest, { timeout: timeoutMs, isolationLevel })
    return new Map(listed.map((one) => [`${one.topic}/${one.partition}`, one]))
  }
  try {
    const stable = await ends(kafka.IsolationLevel.READ_COMMITTED)
    const written = await ends(kafka.IsolationLevel.READ_UNCOMMITTED)
    const open = partitions.flatMap((at) => {
      const name = `${at.topic}/${at.partition}`
      const [from, to] = [offsetOf(name, stable.get(name)), offsetOf(name, written.get(name))]
      return from < to ? [{ ...at, stable: from, end: to }] : []
    })
    return open.length === 0 ? [] : await timed(connection, open)
  } finally {
    client.disconnect()
  }
}

const offsetOf = (name: string, listed: ListedOffset | undefined): number => {
  if (listed === undefined || listed.error !== undefined || listed.offset < 0)
    throw new KafkaError(`the end of ${name} is not known`, listed?.error ?? "no answer")
  return listed.offset
}

/** Adds the time of the message at which each of them begins. */
const timed = async (
  connection: KafkaConnection,
  open: ReadonlyArray<Omit<OpenTransaction, "since_ms">>,
): Promise<ReadonlyArray<OpenTransaction>> => {
  const reader = new kafka.KafkaConsumer({
    ...common(connection),
    "group.id": readerGroup(connection.clientId),
    "enable.auto.commit": false,
    "auto.offset.reset": "error",
    // What no other reader of ours may see is all that is looked for here.
    "isolation.level": "read_uncommitted",
    "fetch.wait.max.ms": 100,
  } as kafka.ConsumerGlobalConfig)
  reader.on("event.error", () => {}) // what cannot be read has no time
  try {
    await connected("connecting the consumer", reader, timeoutMs)
    reader.setDefaultConsumeTimeout(timeoutMs)
    const found: OpenTransaction[] = []
    for (const { topic, partition, stable, end } of open) {
      reader.assign([{ topic, partition, offset: stable }])
      const [first] = await asked<ReadonlyArray<{ readonly timestamp?: number }>>(
        `reading ${topic}/${partition}`,
        (done) => reader.consume(1, done as never),
      ).catch(() => [])
      const since_ms = first?.timestamp ?? -1
      found.push({ topic, partition, stable, end, since_ms: since_ms < 0 ? null : since_ms })
    }
    return found
  } finally {
    await asked<unknown>("closing the consumer", (done) => reader.disconnect(done)).catch(() => {})
  }
}
