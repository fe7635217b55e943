import { setTimeout as sleep } from "node:timers/promises"
import kafka from "@confluentinc/kafka-javascript"
import { callsOf } from "./calls.ts"
import { asked, basesOf, common, type KafkaConnection, KafkaError } from "./configuration.ts"
import { type ListedOffset, listOffsets } from "./list-offsets.ts"

/** A topic as the cluster knows it now. */
export interface TopicDescription {
  readonly name: string
  /** 16 bytes; a topic deleted and created again has another. */
  readonly topicId: Buffer
  readonly partitions: number
}

/** The offsets that a partition still holds: `[earliest, end)`, `end` being the last stable offset. */
export interface PartitionBounds {
  readonly earliest: number
  readonly end: number
}

type Partitions = ReadonlyArray<{ readonly topic: string; readonly partition: number }>

/** Questions to the cluster, and the creation of topics. */
export interface Admin {
  readonly describe: (topics: ReadonlyArray<string>) => Promise<ReadonlyArray<TopicDescription>>
  readonly bounds: (partitions: Partitions) => Promise<ReadonlyArray<PartitionBounds>>
  /** Creates the topics that do not exist, and waits until the brokers know them; those that do are left as they are. */
  readonly create: (
    topics: ReadonlyArray<{ readonly name: string; readonly partitions: number }>,
  ) => Promise<void>
  /** Closes when what was asked before has been answered. */
  readonly close: () => void
}

const timeoutMs = 10_000
const topicAlreadyExists = 36
// Unknown topic, no leader yet, not the leader yet.
const notYet: ReadonlySet<number> = new Set([3, 5, 6])
const askAgainMs = 20

/** Opens an admin client. */
export const openAdmin = (connection: KafkaConnection): Admin => {
  const client = kafka.AdminClient.create(common(connection))
  const calls = callsOf()
  return {
    describe: (names) => calls.count(describe(client, names)),
    bounds: async (partitions) => {
      const bases = await basesOf(connection)
      return (await calls.count(bounds(client, partitions))).map(({ earliest, end }, index) => {
        const at = partitions[index]
        const base = at === undefined ? 0 : (bases.get(`${at.topic}/${at.partition}`) ?? 0)
        return { earliest: earliest + base, end: end + base }
      })
    },
    create: (topics) => calls.count(create(client, topics)),
    close: () => calls.whenNone(() => client.disconnect()),
  }
}

const create = async (
  client: kafka.IAdminClient,
  topics: ReadonlyArray<{ readonly name: string; readonly partitions: number }>,
): Promise<void> => {
  for (const { name, partitions } of topics)
    await asked("creating a topic", (done) =>
      client.createTopic(
        { topic: name, num_partitions: partitions, replication_factor: 1 },
        timeoutMs,
        (error) => done(error && error.code !== topicAlreadyExists ? error : null, undefined),
      ),
    )
  await untilKnown(
    client,
    topics.map(({ name }) => name),
  )
}

/**
 * Just created, or moving to another broker: a partition without a leader has one again within moments. The last two: the
 * client has heard of a newer leader than the broker has, or the other way round.
 */
const leaderless: ReadonlySet<number> = new Set([3, 5, 6, 74, 75])
const leaderAttempts = 20
const leaderWaitMs = 100

/** The client's own code for a question that stayed unanswered: a broker that stands still for a moment is asked again. */
const timedOut = -185
const silentAttempts = 3

/** The bounds, asked again for a while where a partition has no leader at the moment or nobody answers. */
const bounds = async (
  client: kafka.IAdminClient,
  partitions: Partitions,
): Promise<ReadonlyArray<PartitionBounds>> => {
  for (let attempt = 1; ; attempt++) {
    try {
      return await boundsNow(client, partitions)
    } catch (error) {
      if (!(error instanceof KafkaError) || attempt >= attemptsAt(error.code)) throw error
      await new Promise((resolve) => setTimeout(resolve, leaderWaitMs))
    }
  }
}

const attemptsAt = (code: number): number =>
  leaderless.has(code) ? leaderAttempts : code === timedOut ? silentAttempts : 1

const boundsNow = async (
  client: kafka.IAdminClient,
  partitions: Partitions,
): Promise<ReadonlyArray<PartitionBounds>> => {
  const at = (offset: kafka.OffsetSpec, isolationLevel: kafka.IsolationLevel) =>
    listOffsets(client, partitions, offset, { timeout: timeoutMs, isolationLevel })
  const [earliest, end] = await Promise.all([
    at(kafka.OffsetSpec.EARLIEST, kafka.IsolationLevel.READ_UNCOMMITTED),
    at(kafka.OffsetSpec.LATEST, kafka.IsolationLevel.READ_COMMITTED),
  ])
  const find = (list: ReadonlyArray<ListedOffset>, topic: string, partition: number): number => {
    const found = list.find((one) => one.topic === topic && one.partition === partition)
    // Without a leader for the moment, a partition has an error and an offset that means nothing.
    if (found === undefined || found.error !== undefined || found.offset < 0)
      throw new KafkaError(`the bounds of ${topic}/${partition} are not known`, found?.error)
    return found.offset
  }
  return partitions.map(({ topic, partition }) => ({
    earliest: find(earliest, topic, partition),
    end: find(end, topic, partition),
  }))
}

const describe = async (
  client: kafka.IAdminClient,
  names: ReadonlyArray<string>,
): Promise<ReadonlyArray<TopicDescription>> => {
  const described = await asked<
    ReadonlyArray<{
      name: string
      topicId: { mostSignificantBits: bigint; leastSignificantBits: bigint }
      partitions: ReadonlyArray<unknown>
      error?: { message: string; code: number }
    }>
  >("describing topics", (done) => client.describeTopics([...names], { timeout: timeoutMs }, done as never))
  return described.map((topic) => {
    if (topic.error)
      throw new KafkaError(
        `topic ${topic.name} cannot be described; create it, or correct the name`,
        topic.error,
      )
    return {
      name: topic.name,
      topicId: uuidBytes(topic.topicId),
      partitions: topic.partitions.length,
    }
  })
}

/** The controller answers when it has made a topic; the brokers hear of it, and lead its partitions, a moment later. */
const untilKnown = async (client: kafka.IAdminClient, names: ReadonlyArray<string>): Promise<void> => {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    try {
      await describe(client, names)
      return
    } catch (error) {
      const waiting = error instanceof KafkaError && notYet.has(error.code) && performance.now() < deadline
      if (!waiting) throw error
      await sleep(askAgainMs)
    }
  }
}

/** The client's types promise a `base64str` that it does not give; the two halves are there. */
const uuidBytes = (id: {
  readonly mostSignificantBits: bigint
  readonly leastSignificantBits: bigint
}): Buffer => {
  const bytes = Buffer.alloc(16)
  bytes.writeBigInt64BE(BigInt.asIntN(64, id.mostSignificantBits), 0)
  bytes.writeBigInt64BE(BigInt.asIntN(64, id.leastSignificantBits), 8)
  return bytes
}
