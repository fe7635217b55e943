import type { ConsumedMessage, Consumer } from "../kafka/consumer.ts"

/** Messages a portion at a time, in the order in which the consumer gives them. */
export interface ReadAhead {
  /** The next portion; waits a moment when nothing is ready. */
  readonly next: () => Promise<ReadonlyArray<ConsumedMessage>>
  /**
   * The offset at which Kafka said that there is nothing more, beyond transaction markers; null when it has not. Never ahead
   * of what was handed out: all messages before it were.
   */
  readonly reached: (topic: string, partition: number) => number | null
  /** Resolves when nothing is asked of the consumer any more. */
  readonly close: () => Promise<void>
}

interface Portion {
  readonly messages: ReadonlyArray<ConsumedMessage>
  /** Where Kafka had said by then that there is nothing more. */
  readonly reached: ReadonlyMap<string, number>
}

const nameOf = (topic: string, partition: number): string => `${topic}/${partition}`

/**
 * Has the next portion fetched while the present one is handled, as long as portions come full: then there is more. Nothing
 * is fetched ahead once reading has caught up.
 */
export const readAhead = (
  consumer: Pick<Consumer, "consume" | "endOf">,
  partitions: ReadonlyArray<{ readonly topic: string; readonly partition: number }>,
  portionMessagesMax: number,
): ReadAhead => {
  let reached: ReadonlyMap<string, number> = new Map()
  let coming: Promise<Portion> | null = null

  const ask = async (): Promise<Portion> => {
    const messages = await consumer.consume(portionMessagesMax)
    // At once, before anything more is asked for: these ends belong behind these messages.
    const ends = partitions.flatMap(({ topic, partition }) => {
      const end = consumer.endOf(topic, partition)?.reached ?? null
      return end === null ? [] : [[nameOf(topic, partition), end] as const]
    })
    return { messages, reached: new Map(ends) }
  }

  return {
    next: async () => {
      const asked = coming ?? ask()
      coming = null
      const portion = await asked
      reached = portion.reached
      if (portion.messages.length === portionMessagesMax) {
        coming = ask()
        coming.catch(() => {}) // told when its turn comes
      }
      return portion.messages
    },
    reached: (topic, partition) => reached.get(nameOf(topic, partition)) ?? null,
    close: async () => {
      await coming?.catch(() => {})
      coming = null
    },
  }
}
