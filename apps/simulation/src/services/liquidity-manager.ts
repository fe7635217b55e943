import { bothObservers } from "@landfall/adapters/chain/both"
import type { ChainObserver } from "@landfall/adapters/chain/observer"
import { createLog } from "@landfall/adapters/log/log"
import type { Position } from "@landfall/domain/position"
import { type AnyTopic, topicByName } from "@landfall/domain/registry"
import { fundingObservationTopic } from "@landfall/domain/topics/funding-observation"
import { liquidityActionTopic } from "@landfall/domain/topics/liquidity-action"
import { watchBridge } from "@landfall/liquidity-manager/bridge-watch"
import { deskConfig, type FundingConfig } from "@landfall/liquidity-manager/funding-config"
import { createManager } from "@landfall/liquidity-manager/manager"
import { pausable } from "@landfall/liquidity-manager/pause"
import type { FundingState } from "@landfall/liquidity-manager/session"
import type { Tail, TailedRecord } from "@landfall/liquidity-manager/tail"
import { foldInto } from "@landfall/projections/fold"
import { type FundingHandle, fundingHandle } from "@landfall/projections/funding-handle"
import { type FundingTransfer, fundingTransfer } from "@landfall/projections/funding-transfer"
import { account_id, type SimulatedBridge } from "../world/bridge.ts"
import { decodedValue } from "../world/decoded.ts"
import { partitionCount, type SimulatedKafka } from "../world/kafka.ts"
import type { Machine } from "../world/machine.ts"
import type { SimulatedNode } from "../world/node.ts"
import type { SimulatedPostgres } from "../world/postgres.ts"
import type { Process } from "../world/process.ts"
import { simulatedPublisher } from "../world/publisher.ts"
import type { Random } from "../world/random.ts"
import type { VirtualTime } from "../world/virtual-time.ts"

export interface ManagerWorld {
  readonly time: VirtualTime
  readonly machine: Machine
  readonly kafka: SimulatedKafka
  readonly postgres: SimulatedPostgres
  readonly bitcoin: ReadonlyArray<SimulatedNode>
  readonly gnosis: SimulatedNode
  readonly bridge: SimulatedBridge
  readonly uncertain: () => number
  readonly handles: FundingConfig["handles"]
  /** Off, the state that decisions rest on is that of the snapshots alone: a mutation that the invariants must find. */
  readonly readsOwnTopic: boolean
}

/** How often it looks. */
export const pollInterval_ms = 2_000

export const silent = createLog({ name: "simulation", level: "silent" })
const topics = [fundingObservationTopic, liquidityActionTopic] as ReadonlyArray<AnyTopic>

/** Runs the liquidity manager as it is over the simulated world; ends only by a rejection, as its process would. */
export const runManager = (world: ManagerWorld, process: Process, random: Random): Promise<void> => {
  const { bridge } = world
  const { now } = world.machine.clock()
  const config = { ...deskConfig, handles: world.handles }
  const [first, second] = world.bitcoin.map((node) => ({
    source: node.source,
    observer: node.observer(process),
  }))
  if (first === undefined) throw new Error("bitcoin needs an observer")
  const bitcoin: ChainObserver = second === undefined ? first.observer : bothObservers(first, second, { now })
  const watch = watchBridge({
    bridge: bridge.client(process),
    config,
    accounts: [account_id],
    pollIntervalMs: 3_000,
    handleIntervalMs: 20_000,
    now,
    random: random.next,
    onChange: () => {},
  })
  const ending = new AbortController()
  void watch.run(ending.signal)
  const manager = createManager({
    observers: [
      pausable("bitcoin", first.source, bitcoin),
      pausable("gnosis", "evm", world.gnosis.observer(process)),
    ],
    bridge: watch,
    publisher: simulatedPublisher({ ...world, now, process, random, transactionalId: "liquidity-manager" }),
    load: () => loadFundingState(world, process, random),
    openTail: async (position) => followTopics(world, process, random, position),
    config,
    pollIntervalMs: pollInterval_ms,
    now,
    random: random.next,
    log: silent,
  })
  return manager.run(ending.signal).finally(() => ending.abort())
}

/** Snapshots as of one instant, and the tail that Kafka has beyond them up to its end. */
const loadFundingState = async (
  { time, kafka, postgres, readsOwnTopic }: ManagerWorld,
  process: Process,
  random: Random,
): Promise<FundingState> => {
  const rowsOf = (name: string) =>
    new Map(Array.from(postgres.snapshots.get(name) ?? [], ([key, { row }]) => [key, row]))
  const read = await postgres.read(process, () => ({
    transfers: rowsOf(fundingTransfer.name) as Map<string, FundingTransfer>,
    handles: rowsOf(fundingHandle.name) as Map<string, FundingHandle>,
    checkpoints: new Map(postgres.checkpoints),
  }))
  await process.step("after the snapshots were read")
  kafka.requireUp()
  const ends = kafka.ends()
  const deadline_ms = time.now() + 20_000
  const position: Record<string, Record<string, number>> = {}
  for (const { name } of topics) {
    const partitions: Record<string, number> = {}
    position[name] = partitions
    for (let partition = 0; partition < partitionCount; partition++) {
      let next = read.checkpoints.get(`${name}/${partition}`)?.nextOffset ?? 0
      const end = readsOwnTopic ? (ends[name]?.[partition] ?? 0) : 0
      while (next < end) {
        await process.wait(random.int(0, 4))
        kafka.requireUp()
        const part = kafka.read(name, partition, next, 50)
        for (const { entry } of part.messages) {
          const decoded = decodedValue(name, entry.value)
          if (!decoded.ok) continue
          if (name === liquidityActionTopic.name) foldInto(fundingHandle, read.handles, [decoded.record])
          else foldInto(fundingTransfer, read.transfers, [decoded.record])
        }
        if (part.next === next) await process.wait(200)
        if (time.now() > deadline_ms) throw new Error("the end was not reached in time")
        next = part.next
      }
      partitions[String(partition)] = next
    }
  }
  await process.step("after the state was loaded")
  return { transfers: read.transfers, handles: read.handles, position }
}

/** What comes after a position, some of it at a time. */
const followTopics = (
  { time, kafka }: ManagerWorld,
  process: Process,
  random: Random,
  position: Position,
): Tail => {
  const nexts = new Map(
    Object.entries(position).flatMap(([topic, partitions]) =>
      Object.entries(partitions).map(([partition, next]) => [`${topic}/${partition}`, next] as const),
    ),
  )
  return {
    next: async () => {
      await process.answer(Promise.race([kafka.news(), time.sleep(1_000)]))
      await process.wait(random.int(0, 30))
      if (!kafka.up) return []
      const records: TailedRecord[] = []
      for (const [name, from] of nexts) {
        const slash = name.lastIndexOf("/")
        const [topic, partition] = [name.slice(0, slash), Number(name.slice(slash + 1))]
        if (topicByName(topic) === undefined) continue
        const { messages, next } = kafka.read(topic, partition, from, 100)
        nexts.set(name, next)
        for (const { offset, entry } of messages) {
          const decoded = decodedValue(topic, entry.value)
          const record = decoded.ok ? decoded.record : null
          records.push({ topic, partition, next: offset + 1, record })
        }
      }
      return records
    },
    close: async () => {},
  }
}
