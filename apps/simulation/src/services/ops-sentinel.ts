import type { EventReader, ReadMessage } from "@landfall/adapters/alerts/event-reader"
import type { Cut } from "@landfall/domain/position"
import { type AnyTopic, topics } from "@landfall/domain/registry"
import { timestamp } from "@landfall/domain/timestamp"
import { alertTopic } from "@landfall/domain/topics/alert"
import { defaultPolicyFile, type RecordedPolicy, readPolicy } from "@landfall/evaluators/alerts/policy"
import { activeAlerts } from "@landfall/evaluators/alerts/views"
import { createSentinel } from "@landfall/ops-sentinel/sentinel"
import { account_id } from "../world/bridge.ts"
import { decodedValue } from "../world/decoded.ts"
import { partitionCount, type SimulatedKafka } from "../world/kafka.ts"
import type { Machine } from "../world/machine.ts"
import type { Process } from "../world/process.ts"
import { simulatedPublisher } from "../world/publisher.ts"
import type { Random } from "../world/random.ts"
import type { VirtualTime } from "../world/virtual-time.ts"
import { silent } from "./liquidity-manager.ts"

/** What a sentinel held to be raised at a tick at which it had read everything and had nothing new to say. */
export interface QuietTick {
  readonly now_ms: number
  /** When it ended, by nobody's clock. */
  readonly ended_ms: number
  /** How far it had read, which may be beyond what it was asked to read. */
  readonly read: Cut
  /** `code subject`, sorted. */
  readonly raised: ReadonlyArray<string>
}

export interface SentinelWorld {
  readonly time: VirtualTime
  readonly machine: Machine
  readonly kafka: SimulatedKafka
  readonly uncertain: () => number
  readonly onQuietTick: (tick: QuietTick) => void
  /** Told the instant of each tick, and when it ended. */
  readonly onTick: (tick_ms: number, ended_ms: number) => void
  /** Off, what was published before is not read: a mutation that the invariants must find. */
  readonly readsOwnTopic: boolean
  /** Off, it learns of clamps where it meets them: a mutation. */
  readonly foretellsClamps: boolean
}

/** The windows of the oracle that alerts are held against. */
const windows = { window_ms: 10_000, stuck_ms: 40_000, clear_after_ms: 20_000 }

const read = readPolicy({
  ...defaultPolicyFile,
  rules: {
    reference_price_stale: { max_age_ms: windows.window_ms },
    inventory_snapshot_stale: { max_age_ms: windows.window_ms },
    funding_seen_unconfirmed: { window_ms: windows.window_ms },
    funding_confirmed_credit_pending: { window_ms: windows.window_ms },
    funding_stuck: { ...defaultPolicyFile.rules.funding_stuck, window_ms: windows.stuck_ms },
    executor_submission_failed: { clear_after_ms: windows.clear_after_ms },
  },
  expected: { pairs: ["BTC/EURe"], accounts: [account_id] },
})
if (!read.ok) throw new Error(read.problems.join("; "))
const { policy } = read

/** The one policy, in force since the beginning. */
export const policiesSince = (declared_ms: number): ReadonlyArray<RecordedPolicy> => [
  { recorded_at: timestamp(declared_ms), policy },
]

const partitions = Array.from({ length: partitionCount }, (_, partition) => partition)

/** Runs the sentinel as it is over the simulated world; ends only by a rejection, as its process would. */
export const runSentinel = (
  world: SentinelWorld,
  process: Process,
  random: Random,
  declared_ms: number,
): Promise<void> => {
  const { time } = world
  const { now } = world.machine.clock()
  const ending = new AbortController()
  const sentinel = createSentinel({
    publisher: simulatedPublisher({ ...world, now, process, random, transactionalId: "ops-sentinel" }),
    policies: async () => {
      await process.wait(random.int(1, 10))
      return policiesSince(declared_ms)
    },
    openReader: async () => openReader(world, topics, process, random),
    openAlertReader: async () =>
      openReader(
        world.foretellsClamps ? world : { ...world, readsOwnTopic: false },
        [alertTopic],
        process,
        random,
      ),
    tick_interval_ms: 2_000,
    now,
    random: random.next,
    log: silent,
    onTick: ({ alerts, caught_up }) => {
      const state = sentinel.state()
      if (state?.tick_ms != null) world.onTick(state.tick_ms, time.now())
      if (!caught_up || alerts.length > 0 || state?.tick_ms == null) return
      const raised = activeAlerts(state).map(
        ({ alert_code, details }) => `${alert_code} ${details["subject"]}`,
      )
      const read = Object.fromEntries(
        Array.from(state.next, ([topic, of]) => [topic, Object.fromEntries(of)]),
      )
      world.onQuietTick({ now_ms: state.tick_ms, ended_ms: time.now(), read, raised: raised.sort() })
    },
  })
  return sentinel.run(ending.signal).finally(() => ending.abort())
}

/** Reads every partition from its beginning. */
const openReader = (
  { kafka, readsOwnTopic }: SentinelWorld,
  topics: ReadonlyArray<AnyTopic>,
  process: Process,
  random: Random,
): EventReader => {
  kafka.requireUp()
  const now = kafka.ends()
  const beginning = (topic: string, partition: number): number =>
    topic === alertTopic.name && !readsOwnTopic ? (now[topic]?.[partition] ?? 0) : 0
  const start: Cut = Object.fromEntries(
    topics.map(({ name }) => [
      name,
      Object.fromEntries(partitions.map((partition) => [String(partition), beginning(name, partition)])),
    ]),
  )
  const nexts = new Map<string, number>(
    topics.flatMap(({ name }) =>
      partitions.map((partition) => [`${name}/${partition}`, beginning(name, partition)] as const),
    ),
  )
  return {
    start,
    ends: async () => {
      await process.wait(random.int(0, 5))
      kafka.requireUp()
      return kafka.ends()
    },
    next: async () => {
      await process.wait(random.int(1, 8))
      if (!kafka.up) return []
      return topics.flatMap(({ name: topic }) =>
        partitions.flatMap((partition): ReadonlyArray<ReadMessage> => {
          // Partitions come in any order, and not all of them at once.
          if (random.chance(0.2)) return []
          const from = nexts.get(`${topic}/${partition}`) ?? 0
          const { messages, next } = kafka.read(topic, partition, from, 200)
          nexts.set(`${topic}/${partition}`, next)
          return messages.map(({ offset, entry }) => {
            const decoded = decodedValue(topic, entry.value)
            const place = { topic, partition, offset, kafka_ms: entry.at_ms }
            const event = decoded.ok ? { ...place, record: decoded.record } : null
            return { topic, partition, next_offset: offset + 1, event }
          })
        }),
      )
    },
    reached: (topic, partition) => {
      const next = nexts.get(`${topic}/${partition}`) ?? 0
      return next >= kafka.stableEnd(topic, partition) ? next : null
    },
    check: async () => {},
    close: async () => {},
  }
}
