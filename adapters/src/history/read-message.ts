import { type Decoded, recordDecoder } from "@landfall/domain/codec"
import type { AnyTopic } from "@landfall/domain/registry"
import type { ConsumedMessage } from "../kafka/consumer.ts"
import { encodeHeaders, leafHash } from "../transparency-log/leaf.ts"
import { partitionName } from "./checkpoint.ts"

/** A message with all that can be known of it without the database: its record, or why it has none, and its leaf. */
export interface ReadMessage {
  readonly topic: AnyTopic
  readonly partition: number
  readonly offset: number
  readonly leaderEpoch: number
  readonly timestampMs: number
  readonly key: Buffer | null
  readonly headers: Buffer | null
  readonly value: Buffer | null
  readonly leafHash: Buffer
  readonly decoded: Decoded<unknown>
}

type Header = NonNullable<ConsumedMessage["headers"]>[number]

/** The client makes an object of each header by assignment, so that one named `__proto__` becomes its prototype. */
const ownName = (header: Header): Header => {
  if (Object.keys(header).length > 0) return header
  const value: unknown = Object.getPrototypeOf(header)
  return Object.fromEntries([
    ["__proto__", value instanceof Uint8Array ? Buffer.from(value) : Buffer.alloc(0)],
  ])
}

/** A message's headers as its leaf covers them; null when there are none. */
export const headersOf = (message: ConsumedMessage): Buffer | null =>
  encodeHeaders(message.headers?.map(ownName))

/** A function that reads messages of one topic. */
export type MessageReader = (message: ConsumedMessage, topicId: Buffer) => ReadMessage

/** Makes the reader of a topic. */
export const messageReader = (topic: AnyTopic): MessageReader => {
  const decode = recordDecoder(topic)
  return (message, topicId) => {
    const read = {
      topic,
      partition: message.partition,
      offset: message.offset,
      leaderEpoch: message.leaderEpoch ?? -1,
      timestampMs: message.timestamp ?? -1,
      key: message.key,
      headers: headersOf(message),
      value: message.value,
    }
    return { ...read, leafHash: leafHash({ topicId, ...read }), decoded: decode(message.value) }
  }
}

/** Messages by the name of their partition, at least one of each, in their order. */
export type ByPartition = ReadonlyMap<string, readonly [ReadMessage, ...ReadonlyArray<ReadMessage>]>

/** Sorts messages by partition. They come in runs, so a name is seldom looked up. */
export const byPartition = (messages: Iterable<ReadMessage>): ByPartition => {
  const partitions = new Map<string, [ReadMessage, ...ReadMessage[]]>()
  let run: [ReadMessage, ...ReadMessage[]] | undefined
  for (const message of messages) {
    if (run?.[0].partition === message.partition && run[0].topic === message.topic) {
      run.push(message)
      continue
    }
    const name = partitionName({ topic: message.topic.name, partition: message.partition })
    run = partitions.get(name)
    if (run !== undefined) run.push(message)
    else {
      run = [message]
      partitions.set(name, run)
    }
  }
  return partitions
}
