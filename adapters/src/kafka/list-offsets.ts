import type kafka from "@confluentinc/kafka-javascript"
import { asked } from "./configuration.ts"

/** What a broker says of a partition's offset; with an error the offset means nothing. */
export interface ListedOffset {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly error?: { readonly message: string; readonly code: number }
}

export interface ListOptions {
  readonly timeout: number
  readonly isolationLevel: kafka.IsolationLevel
}

/** FENCED_LEADER_EPOCH and UNKNOWN_LEADER_EPOCH. */
const otherEpoch: ReadonlySet<number> = new Set([74, 75])

/**
 * The earliest or latest offset of each partition. A broker that was started again leads its partitions in a new epoch, and
 * refuses who names the old one. The client asks for the leaders anew only when told that another broker leads, or when what
 * it knows is 90 s old, so they are asked for here.
 */
export const listOffsets = async (
  client: kafka.IAdminClient,
  partitions: ReadonlyArray<{ readonly topic: string; readonly partition: number }>,
  offset: kafka.OffsetSpec,
  options: ListOptions,
): Promise<ReadonlyArray<ListedOffset>> => {
  const wanted = partitions.map(({ topic, partition }) => ({ topic, partition, offset }))
  const list = () =>
    asked<ReadonlyArray<ListedOffset>>("asking where the partitions begin and end", (done) =>
      client.listOffsets(wanted, options, done as never),
    )
  const listed = await list()
  if (!listed.some(({ error }) => otherEpoch.has(error?.code ?? 0))) return listed
  const names = [...new Set(partitions.map(({ topic }) => topic))]
  await asked("asking who leads the partitions", (done) =>
    client.describeTopics(names, { timeout: options.timeout }, done as never),
  )
  return list()
}
