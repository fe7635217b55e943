import kafka from "@confluentinc/kafka-javascript"
import { callsOf } from "./calls.ts"
import {
  asked,
  basesOf,
  common,
  connected,
  type KafkaConnection,
  KafkaError,
  readerGroup,
  shifted,
} from "./configuration.ts"

/** A message as the native client gives it. */
export interface ConsumedMessage {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly leaderEpoch?: number
  readonly timestamp?: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers?: ReadonlyArray<Readonly<Record<string, string | Buffer>>>
}

/** A partition, and where to read it from. */
export interface StartingPoint {
  readonly topic: string
  readonly partition: number
  readonly offset: number
}

/** Told whenever the group gives or takes partitions; an exception in it ends in `onFailure`, never in silence. */
export interface RebalanceListener {
  readonly assigned: (partitions: ReadonlyArray<kafka.TopicPartition>) => Promise<void>
  /** With the reason, when they were not given back in order. */
  readonly revoked: (lost?: ConsumerLost) => Promise<void>
  readonly onFailure: (error: unknown) => void
}

/** Where a partition ends: the offset after its last stable record or marker, and whether reading got there. */
export interface PartitionEnd {
  readonly high: number
  /** The offset at which the client said that there is nothing more; null when it has not. */
  readonly reached: number | null
}

/** A consumer whose reading position is ours to say; Kafka's committed offsets are advice for lag monitors only. */
export interface Consumer {
  /** Up to `count` messages; waits up to `waitMs` for the first and takes what is ready. {@link ConsumerLost} ends it. */
  readonly consume: (count: number) => Promise<ReadonlyArray<ConsumedMessage>>
  /** Reads exactly these partitions from these offsets on, replacing what was read before. */
  readonly assign: (points: ReadonlyArray<StartingPoint>) => void
  readonly unassign: () => void
  /** Fetches no more of these partitions, of those that are assigned. */
  readonly pause: (partitions: ReadonlyArray<Omit<StartingPoint, "offset">>) => void
  /**
   * Tells Kafka how far we are, for those who watch group lag. Only where Kafka has answered just now: what waits for a
   * broker that is away is sent when it is back, perhaps for a member that the group has given up by then, and a group that
   * knows its members by name takes that for an intruder with the name.
   */
  readonly commitAdvisory: (points: ReadonlyArray<StartingPoint>) => void
  /** The partition's end as far as this consumer has been told; null before the first word of it. */
  readonly endOf: (topic: string, partition: number) => PartitionEnd | null
  readonly close: () => Promise<void>
}

/** The group has given the consumer's name to another member: this one reads nothing any more, and never will. */
export class ConsumerLost extends Error {
  override readonly name = "ConsumerLost"
}

/** librdkafka's words for an error after which a client does nothing more, where it gives the error and in its log. */
const fatal = { code: -150, facility: "FATAL" }

export interface ConsumerOptions {
  /** The consumer group; null reads what is assigned by hand. */
  readonly group: {
    readonly id: string
    /**
     * A name of this member that stays over a restart: then one that died gets its partitions back when it returns, and
     * nobody waits for the end of its session. A member that leaves in order keeps them for that long, too.
     */
    readonly memberName?: string | null
    readonly topics: ReadonlyArray<string>
    readonly listener: RebalanceListener
  } | null
  /** Longest wait for a first message. */
  readonly waitMs: number
  /** Bytes that may wait in the client for us: the bound of its memory. */
  readonly queuedBytesMax: number
}

type Native = kafka.KafkaConsumer & {
  // Not in the client's types: waits for the first message only, then takes what is there.
  setDefaultIsTimeoutOnlyForFirstMessage(only: boolean): void
}

const assignPartitions = -175
const revokePartitions = -174

/** Connects a consumer; with a group it subscribes at once. */
export const openConsumer = async (
  connection: KafkaConnection,
  options: ConsumerOptions,
): Promise<Consumer> => {
  const ends = new Map<string, number>()
  const bases = await basesOf(connection)
  const baseOf = (name: string): number => bases.get(name) ?? 0
  const { group } = options
  const calls = callsOf()
  let closing: Promise<void> | null = null
  // Whether the group gave or took partitions and the client was not told yet what to read: its closing waits for that.
  let isOwed = false
  const native = new kafka.KafkaConsumer({
    ...common(connection),
    "group.id": group?.id ?? readerGroup(connection.clientId),
    "enable.auto.commit": false,
    "enable.auto.offset.store": false,
    // Never skip: when the next offset is gone the reader must stop and say so.
    "auto.offset.reset": "error",
    "isolation.level": "read_committed",
    "enable.partition.eof": true,
    "partition.assignment.strategy": "range",
    "session.timeout.ms": 10_000,
    "heartbeat.interval.ms": 1_000,
    "fetch.wait.max.ms": 100,
    "fetch.error.backoff.ms": 100,
    "queued.max.messages.kbytes": Math.ceil(options.queuedBytesMax / 1024),
    "queued.min.messages": 100_000,
    // A full queue is looked at again soon: the client's own second of waiting would starve a reader that drains it faster.
    "fetch.queue.backoff.ms": 5,
    ...(group?.memberName ? { "group.instance.id": group.memberName } : {}),
    ...(group === null
      ? {}
      : {
          rebalance_cb: (error: RebalanceCode, partitions: kafka.TopicPartition[]) => {
            isOwed = true
            rebalance(group.listener, error, partitions)
            if (closing !== null && isOwed) readNothing()
          },
        }),
  } as kafka.ConsumerGlobalConfig) as Native
  const readNothing = (): void => {
    isOwed = false
    native.unassign()
  }
  native.on("event.error", () => {}) // reported by the calls that fail; without a listener the process would end
  // The end of a client is given once, by a call that brings nothing else: one that has messages drops the error, and every
  // call after it is as if nothing had come. The log has it in any case.
  let over: string | null = null
  native.on("event.log", ({ fac, message }: { readonly fac?: string; readonly message?: string }) => {
    if (fac === fatal.facility) over ??= message ?? ""
  })
  const lost = (words: string): ConsumerLost =>
    new ConsumerLost(
      `the group ${group?.id} took its partitions from this consumer for good: another instance has its name${group?.memberName ? ` (${group.memberName})` : ""}, or Kafka was away for too long; give each instance a name of its own (${words})`,
    )
  native.on("partition.eof", ({ topic, partition, offset }) => {
    const name = `${topic}/${partition}`
    ends.set(name, offset + baseOf(name))
  })
  try {
    await connected("connecting the consumer", native, 10_000)
  } catch (error) {
    native.disconnect() // it would go on trying for ever, beside the next one
    throw error
  }
  native.setDefaultConsumeTimeout(options.waitMs)
  native.setDefaultIsTimeoutOnlyForFirstMessage(true)
  if (group !== null) native.subscribe([...group.topics])

  return {
    consume: async (count) => {
      if (closing !== null) throw new KafkaError("consuming", { message: "the consumer was closed" })
      if (over !== null) throw lost(over)
      const consumed = asked<ReadonlyArray<ConsumedMessage>>("consuming", (done) =>
        native.consume(count, done as never),
      )
      const messages = await calls.count(consumed).catch((error: unknown) => {
        throw error instanceof KafkaError && error.code === fatal.code ? lost(error.message) : error
      })
      return shifted(messages, bases, 1)
    },
    assign: (points) => {
      if (closing !== null) return
      ends.clear()
      isOwed = false
      native.assign([...shifted(points, bases, -1)])
    },
    unassign: () => {
      // While it closes, what the client does not wait for would meet one that is no more.
      if (closing === null || isOwed) readNothing()
    },
    pause: (partitions) => {
      if (closing === null) native.pause([...partitions])
    },
    commitAdvisory: (points) => {
      if (closing !== null) return
      try {
        native.commit([...shifted(points, bases, -1)])
      } catch {
        // Advice only: PostgreSQL's checkpoint is what counts.
      }
    },
    endOf: (topic, partition) => {
      const name = `${topic}/${partition}`
      const offset = closing === null ? watermark(native, topic, partition) : null
      const high = offset === null ? null : offset + baseOf(name)
      const reached = ends.get(name) ?? null
      return high === null && reached === null ? null : { high: Math.max(high ?? 0, reached ?? 0), reached }
    },
    close: () => {
      closing ??= new Promise<void>((resolve) => calls.whenNone(resolve))
        .then(() => {
          if (isOwed) readNothing()
          return asked<unknown>("closing the consumer", (done) => native.disconnect(done))
        })
        .then(
          () => undefined,
          () => undefined,
        )
      return closing
    },
  }
}

const watermark = (native: Native, topic: string, partition: number): number | null => {
  try {
    const { highOffset } = native.getWatermarkOffsets(topic, partition)
    return highOffset >= 0 ? highOffset : null
  } catch {
    return null
  }
}

type RebalanceCode = { readonly code: number } | undefined

/** The native client swallows what a rebalance callback throws, so nothing may escape it unseen. */
const rebalance = (
  listener: RebalanceListener,
  error: RebalanceCode,
  partitions: kafka.TopicPartition[],
): void => {
  const work =
    error?.code === assignPartitions
      ? listener.assigned(partitions)
      : error?.code === revokePartitions
        ? listener.revoked()
        : Promise.reject(new KafkaError("rebalancing", error))
  work.catch(listener.onFailure)
}
