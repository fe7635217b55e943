import type { Admin } from "@landfall/adapters/kafka/admin"
import { KafkaError } from "@landfall/adapters/kafka/configuration"
import {
  type ConsumedMessage,
  type Consumer,
  ConsumerLost,
  type ConsumerOptions,
  type openConsumer,
} from "@landfall/adapters/kafka/consumer"
import type { Member, SimulatedGroups } from "./group.ts"
import { partitionCount, type SimulatedKafka } from "./kafka.ts"
import type { Process } from "./process.ts"
import type { Random } from "./random.ts"
import type { VirtualTime } from "./virtual-time.ts"

export interface KafkaClientOptions {
  readonly time: VirtualTime
  readonly kafka: SimulatedKafka
  readonly groups: SimulatedGroups
  readonly process: Process
  readonly random: Random
}

const away = (what: string): never => {
  throw new KafkaError(what, new Error("no broker answers"))
}

/** What a process asks of the cluster. */
export const simulatedAdmin = ({ kafka, process, random }: KafkaClientOptions): Admin => {
  const ask = async <Value>(what: string, of: () => Value): Promise<Value> => {
    await process.wait(random.int(0, 4))
    return kafka.up ? of() : away(what)
  }
  return {
    describe: (names) =>
      ask("describing topics", () =>
        names.map((name) => ({ name, topicId: kafka.topicId(name), partitions: partitionCount })),
      ),
    bounds: (partitions) =>
      ask("listing offsets", () =>
        partitions.map(({ topic, partition }) => kafka.served(topic, partition).bounds()),
      ),
    create: async () => {},
    close: () => {},
  }
}

/** A member of a group that reads from where it is told, as librdkafka does. */
export const simulatedConsumer = (options: KafkaClientOptions): typeof openConsumer => {
  const { time, kafka, groups, process, random } = options

  return async (_, { group, waitMs }: ConsumerOptions): Promise<Consumer> => {
    if (group === null) throw new Error("only members of groups are simulated")
    await process.wait(random.int(1, 50))
    if (!kafka.up) away("connecting the consumer")
    let member: Member = groups.join(process, group)
    const nexts = new Map<string, { topic: string; partition: number; next: number; first: number }>()
    const ends = new Map<string, { high: number; reached: number | null }>()
    let away_since_ms: number | null = null

    /** What comes next of some of the partitions, each in order; throws where the log does not have it. */
    const take = (count: number): ConsumedMessage[] => {
      const taken: ConsumedMessage[] = []
      for (const [name, place] of nexts) {
        const { topic, partition } = place
        const log = kafka.served(topic, partition)
        const { earliest, end } = log.bounds()
        if (place.next < log.readable || place.next > Math.max(end, log.end)) {
          nexts.delete(name)
          throw new KafkaError("consuming", { code: 1, message: `offset ${place.next} is out of range` })
        }
        ends.set(name, {
          high: Math.max(end, ends.get(name)?.high ?? 0),
          reached: ends.get(name)?.reached ?? null,
        })
        if (taken.length >= count || random.chance(0.1)) continue
        const { messages, next } = log.read(
          Math.max(place.next, earliest),
          Math.min(count, random.int(1, 60)),
        )
        place.next = next
        if (next >= log.end) ends.set(name, { high: next, reached: next })
        for (const { offset, entry } of messages) {
          const { key, value, at_ms: timestamp } = entry
          taken.push({ topic, partition, offset, leaderEpoch: 0, timestamp, key, value })
        }
        // Messages that were delivered come once more, as after a change of the leader.
        const again = messages.at(-1)
        if (again !== undefined && again.offset > place.first && random.chance(0.02))
          place.next = again.offset
      }
      return taken
    }

    /** The group's word, which a member hears when it polls. */
    const hear = async (): Promise<void> => {
      if (!groups.isThere()) {
        away_since_ms ??= time.now()
        return
      }
      const away_ms = away_since_ms === null ? 0 : time.now() - away_since_ms
      away_since_ms = null
      // After an outage the client may take itself for somebody else who has its name.
      if (group.memberName && away_ms > 5_000 && random.chance(0.5)) groups.expel(member, "refused")
      if (member.standing === "refused") {
        await process.wait(random.int(1, 20))
        throw new ConsumerLost(`the group ${group.id} gave the name ${group.memberName} to another member`)
      }
      if (member.standing === "expelled") {
        nexts.clear()
        await group.listener.revoked()
        member = groups.join(process, group)
      }
    }

    return {
      consume: async (count) => {
        await hear()
        const until_ms = time.now() + waitMs
        for (;;) {
          const taken = kafka.up ? take(count) : []
          if (taken.length > 0) {
            await process.wait(random.int(1, 40))
            return taken
          }
          if (time.now() >= until_ms) return []
          await process.answer(Promise.race([kafka.news(), time.sleep(until_ms - time.now())]))
          await process.step("waiting for messages")
        }
      },
      assign: (points) => {
        nexts.clear()
        ends.clear()
        for (const { topic, partition, offset } of points)
          nexts.set(`${topic}/${partition}`, { topic, partition, next: offset, first: offset })
      },
      unassign: () => nexts.clear(),
      pause: () => {},
      commitAdvisory: () => {},
      endOf: (topic, partition) => ends.get(`${topic}/${partition}`) ?? null,
      close: async () => {
        nexts.clear()
        groups.leave(member)
      },
    }
  }
}
