import { recordDecoder } from "@landfall/domain/codec"
import type { AnyTopic } from "@landfall/domain/registry"
import type { ReplayEvent } from "@landfall/evaluators/alerts/replay"
import { readEvidence } from "../history/evidence-source.ts"
import type { Transaction } from "../postgres/transaction.ts"
import { ReplayRefused } from "./range.ts"
import { readTopic, type TopicSource } from "./read-topic.ts"

/** Reads one partition along, from where it is asked to; what was handed over is not held. */
export interface EventCursor {
  /** The next events of the offsets `[from, to)`; none when there are no more. Going back begins to read anew. */
  readonly take: (from: number, to: number) => Promise<ReadonlyArray<ReplayEvent>>
  readonly close: () => Promise<void>
}

/** Opens the events of a partition from an offset on, a page at a time. */
export type OpenEvents = (offset: number) => AsyncGenerator<ReadonlyArray<ReplayEvent>>

/** A cursor over pages of events. */
export const eventCursor = (open: OpenEvents): EventCursor => {
  let pages: ReturnType<OpenEvents> | null = null
  let page: ReadonlyArray<ReplayEvent> = []
  let place = 0
  let handedOver = 0
  const close = async (): Promise<void> => {
    await pages?.return(undefined)
    pages = null
    page = []
    place = 0
  }
  return {
    close,
    take: async (from, to) => {
      if (from < handedOver) await close()
      pages ??= open(from)
      for (;;) {
        while ((page[place]?.offset ?? from) < from) place++
        if (place < page.length) break
        const next = await pages.next()
        if (next.done) return []
        page = next.value
        place = 0
      }
      const begin = place
      while ((page[place]?.offset ?? to) < to) place++
      handedOver = Math.max(from, (page[place - 1]?.offset ?? from - 1) + 1)
      return page.slice(begin, place)
    },
  }
}

/** The events of a partition from the evidence. Throws {@link ReplayRefused} for one that today's schema refuses. */
export const evidenceEvents = (transaction: Transaction, topic: AnyTopic, partition: number): OpenEvents =>
  async function* (offset) {
    for await (const page of readEvidence(transaction, topic, { partition, from: offset }))
      yield page.map((event): ReplayEvent => {
        const { decoded, kafkaTimestampMs, retried, ingestedAtMs } = event
        if (!decoded.ok)
          throw new ReplayRefused(
            `${topic.name}/${partition} offset ${event.offset} is no record under today's schema: ${decoded.reason}`,
          )
        return {
          topic: topic.name,
          partition,
          offset: event.offset,
          kafka_ms: kafkaTimestampMs,
          record: decoded.record,
          ...(retried && { known_ms: ingestedAtMs }),
        }
      })
  }

/** The events of a partition from Kafka, up to an offset. */
export const topicEvents = (
  source: Pick<TopicSource, "kafka">,
  topic: AnyTopic,
  partition: number,
  end: number,
): OpenEvents => {
  const decode = recordDecoder(topic)
  return async function* (offset) {
    for await (const portion of readTopic(source, topic.name, [{ partition, start: offset, end }]))
      yield portion.flatMap((message): ReadonlyArray<ReplayEvent> => {
        const decoded = decode(message.value)
        return decoded.ok
          ? [
              {
                topic: topic.name,
                partition,
                offset: message.offset,
                kafka_ms: message.timestamp ?? -1,
                record: decoded.record,
              },
            ]
          : []
      })
  }
}
