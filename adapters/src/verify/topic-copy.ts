import { type Checkpoint, partitionName } from "../history/checkpoint.ts"
import { headersOf } from "../history/read-message.ts"
import { type KafkaLog, kafkaLogs } from "../history/resume.ts"
import { KafkaError } from "../kafka/configuration.ts"
import type { ConsumedMessage } from "../kafka/consumer.ts"
import { readTopic, type TopicSource } from "../replay/read-topic.ts"
import { leafHash } from "../transparency-log/leaf.ts"
import type { Gap } from "./gaps.ts"

/** What Kafka still has of the recorded offsets of a partition. */
export interface TopicCopy {
  /** The offsets `[from, to)` that Kafka holds and that were recorded; empty when from = to. */
  readonly held: Gap
  /** The messages before that offset that were not given yet, a portion at a time. */
  readonly before: (offset: number) => AsyncGenerator<ReadonlyArray<TopicMessage>>
  readonly close: () => Promise<void>
}

/** A message as Kafka has it, with its leaf hash. */
export interface TopicMessage {
  readonly offset: number
  readonly value: Buffer | null
  readonly leaf: Buffer
}

/** Opens a partition's messages for comparison; null, and a reason, when the topic is not the one that was recorded. */
export const openTopicCopy = async (
  source: TopicSource,
  checkpoint: Checkpoint,
  signal?: AbortSignal,
): Promise<{ readonly copy: TopicCopy } | { readonly copy: null; readonly reason: string }> => {
  const { topic, partition, topicId, firstOffset, nextOffset } = checkpoint
  const log = await logOf(source, checkpoint)
  if (log === null) return { copy: null, reason: "Kafka has no such topic" }
  if (!log.topicId.equals(topicId))
    return { copy: null, reason: `Kafka's topic has another id: it is not the one that was recorded` }
  const from = Math.min(Math.max(log.earliest, firstOffset), nextOffset)
  const to = Math.max(from, Math.min(log.end, nextOffset))
  const portions = readTopic(source, topic, [{ partition, start: from, end: to }], signal)
  let waiting: ReadonlyArray<ConsumedMessage> = []
  let ended = false
  const message = (consumed: ConsumedMessage): TopicMessage => ({
    offset: consumed.offset,
    value: consumed.value,
    leaf: leafHash({
      topicId,
      partition,
      offset: consumed.offset,
      leaderEpoch: consumed.leaderEpoch ?? -1,
      timestampMs: consumed.timestamp ?? -1,
      key: consumed.key,
      headers: headersOf(consumed),
      value: consumed.value,
    }),
  })
  async function* before(offset: number): AsyncGenerator<ReadonlyArray<TopicMessage>> {
    for (;;) {
      const beyond = waiting.findIndex((one) => one.offset >= offset)
      const given = beyond < 0 ? waiting : waiting.slice(0, beyond)
      waiting = beyond < 0 ? [] : waiting.slice(beyond)
      if (given.length > 0) yield given.map(message)
      if (ended || waiting.length > 0 || offset <= from) return
      const portion = await portions.next()
      if (portion.done) ended = true
      else waiting = portion.value
    }
  }
  return {
    copy: {
      held: { from, to },
      before,
      close: async () => {
        await portions.return(undefined)
      },
    },
  }
}

const unknownTopic = 3

/** What Kafka has of the partition; null when it has no such topic. */
const logOf = async ({ admin }: TopicSource, checkpoint: Checkpoint): Promise<KafkaLog | null> => {
  try {
    return (await kafkaLogs(admin, [checkpoint])).get(partitionName(checkpoint)) ?? null
  } catch (error) {
    if (error instanceof KafkaError && error.code === unknownTopic) return null
    throw error
  }
}
