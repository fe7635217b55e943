import type { KafkaConnection } from "./configuration.ts"
import { type Consumer, ConsumerLost, type ConsumerOptions, openConsumer } from "./consumer.ts"

/** Who loses its name twice within this time shares it with another instance. */
const lostAgainMs = 60_000

/**
 * A consumer that joins its group anew when the group has given its name away. That can be its own doing, when Kafka was away
 * for so long that the client thinks it is somebody else; when it comes again soon, another instance has the name, and
 * `consume` ends with {@link ConsumerLost}. The partitions of the one that was lost count as revoked.
 */
export const openLastingConsumer = async (
  connection: KafkaConnection,
  options: ConsumerOptions,
  open: typeof openConsumer = openConsumer,
): Promise<Consumer> => {
  let current = await open(connection, options)
  let [lost, closed] = [false, false]
  let lostAtMs = Number.NEGATIVE_INFINITY

  const lose = async (error: unknown): Promise<void> => {
    const now = performance.now()
    if (!(error instanceof ConsumerLost) || now - lostAtMs < lostAgainMs) throw error
    ;[lost, lostAtMs] = [true, now]
    await options.group?.listener.revoked(error)
    await current.close()
  }
  const join = async (): Promise<void> => {
    current = await open(connection, options)
    lost = false
    if (closed) await current.close()
  }

  return {
    consume: async (count) => {
      if (lost) await join()
      try {
        return await current.consume(count)
      } catch (error) {
        await lose(error)
        return []
      }
    },
    assign: (points) => {
      if (!lost) current.assign(points)
    },
    unassign: () => {
      if (!lost) current.unassign()
    },
    pause: (partitions) => {
      if (!lost) current.pause(partitions)
    },
    commitAdvisory: (points) => {
      if (!lost) current.commitAdvisory(points)
    },
    endOf: (topic, partition) => current.endOf(topic, partition),
    close: () => {
      closed = true
      return lost ? Promise.resolve() : current.close()
    },
  }
}
