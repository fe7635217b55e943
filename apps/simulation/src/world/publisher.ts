import {
  Fenced,
  type OutgoingMessage,
  PublishUncertain,
  type TransactionalPublisher,
} from "@landfall/adapters/kafka/publisher"
import type { SimulatedKafka } from "./kafka.ts"
import type { Process } from "./process.ts"
import type { Random } from "./random.ts"
import type { VirtualTime } from "./virtual-time.ts"

export interface PublisherOptions {
  readonly kafka: SimulatedKafka
  readonly time: VirtualTime
  /** What messages are stamped with. */
  readonly now: () => number
  readonly process: Process
  readonly random: Random
  readonly transactionalId: string
  /** How likely an answer to a commit is lost, or its request late. */
  readonly uncertain: () => number
}

/** A publisher over the simulated brokers; its batches are whole or not at all, and its answers may be lost. */
export const simulatedPublisher = (options: PublisherOptions): TransactionalPublisher => {
  const { kafka, process, random, transactionalId: id } = options
  let epoch: number | null = null

  const fenced = (): never => {
    throw new Fenced(`another instance now holds the transactional id ${id}; this one must end`)
  }

  /** The request is on its way: it arrives though the process may die before. */
  const commit = (mine: number): void => {
    if (!kafka.isFenced(id, mine)) kafka.end(id, "committed")
  }

  const publish = async (messages: ReadonlyArray<OutgoingMessage>): Promise<void> => {
    const mine = epoch
    if (mine === null) throw new PublishUncertain("there is no producer; open the publisher again")
    await process.wait(random.int(0, 3) + kafka.settling_ms(id))
    for (const message of messages) {
      if (kafka.isFenced(id, mine)) fenced()
      kafka.requireUp()
      kafka.append(id, message, options.now())
    }
    await process.wait(random.int(0, 20))
    await process.step("before a Kafka commit")
    if (kafka.isFenced(id, mine)) fenced()
    kafka.requireUp()
    const fate = random.next() / Math.max(options.uncertain(), 1e-9)
    if (fate < 0.25) throw new PublishUncertain("the request to commit was lost")
    if (fate < 0.5) {
      // It arrives after the client has given up, unless the transactional id is taken before.
      options.time.at(options.time.now() + random.int(1, 3_000), () => commit(mine))
      await process.wait(random.int(1, 1_000))
      throw new PublishUncertain("no answer came in time")
    }
    commit(mine)
    await process.step("after a Kafka commit")
    await process.wait(random.int(0, 20))
    if (fate < 1) throw new PublishUncertain("the answer to the commit was lost")
  }

  return {
    open: async () => {
      await process.wait(random.int(1, 50))
      kafka.requireUp()
      const mine = kafka.takeId(id)
      // Kafka answers once the transactions of the one before have ended in every partition.
      await process.wait(kafka.settling_ms(id) + 1)
      epoch = mine
      await process.step("after taking the transactional id")
    },
    publish: async (messages) => {
      try {
        await publish(messages)
      } catch (error) {
        epoch = null
        if (error instanceof Fenced || error instanceof PublishUncertain) throw error
        throw new PublishUncertain(`the batch may or may not have been published (${String(error)})`)
      }
    },
    close: async () => {
      epoch = null
    },
  }
}
