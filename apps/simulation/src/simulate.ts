import { hash } from "node:crypto"
import type { EndedWorld } from "./invariants/invariant.ts"
import { problemsOf } from "./invariants/registry.ts"
import { type Mutations, type Plan, planOf } from "./plan.ts"
import { createDesk } from "./services/desk.ts"
import { runWriter } from "./services/history-writer.ts"
import { type ManagerWorld, runManager } from "./services/liquidity-manager.ts"
import { type QuietTick, runSentinel, type SentinelWorld } from "./services/ops-sentinel.ts"
import { Supervisor } from "./services/supervisor.ts"
import { account_id, SimulatedBridge } from "./world/bridge.ts"
import { SimulatedChain } from "./world/chain.ts"
import { SimulatedGroups } from "./world/group.ts"
import { SimulatedKafka } from "./world/kafka.ts"
import { Machine } from "./world/machine.ts"
import { SimulatedNode } from "./world/node.ts"
import { SimulatedPostgres } from "./world/postgres.ts"
import type { Process } from "./world/process.ts"
import { type Random, seededRandom } from "./world/random.ts"
import { startVirtualTime } from "./world/virtual-time.ts"
import { createWeather } from "./world/weather.ts"

/** What became of a seed. */
export interface Outcome {
  readonly plan: Plan
  /** Every promise that was not kept; empty when all were. */
  readonly problems: ReadonlyArray<string>
  /** Over everything that happened, and all that was published: the same seed has the same. */
  readonly trace: string
  /** What happened, with its instant; empty unless asked for. */
  readonly story: ReadonlyArray<string>
  readonly events: number
}

export interface SimulateOptions {
  readonly mutations?: Mutations
  /** What the seed does not decide. */
  readonly given?: Partial<Plan>
  /** Keeps what happened, so that it can be read. */
  readonly tells?: boolean
  /** Shown the world at its end. */
  readonly inspect?: (world: EndedWorld) => void
}

const start_ms = Date.UTC(2026, 10, 23, 9)
/** Longer than a transaction may stay open and a service then takes to start, and than any window of the policy. */
const calm_ms = 50_000
const block_s = 3

/** Runs one seed: chaos, healing, and then the invariants. Simulations run one after another. */
export const simulate = async (seed: number, options: SimulateOptions = {}): Promise<Outcome> => {
  const { mutations = {}, given = {}, tells = false } = options
  const random = seededRandom(seed)
  const plan = { ...planOf(seed, random.fork()), ...given }
  const time = startVirtualTime(start_ms)
  try {
    const story: string[] = []
    let trace = ""
    const onEvent = (event: string): void => {
      const line = `${((time.now() - start_ms) / 1000).toFixed(3).padStart(8)} s  ${event}`
      trace = hash("sha256", trace + line)
      if (tells) story.push(line)
    }
    let healed = false
    const unless = (value: number): number => (healed ? 0 : value)
    const kafka = new SimulatedKafka(
      time,
      random.fork(),
      { ahead_ms: plan.clocks?.brokers_ms ?? 0, stamps: plan.clocks?.brokersStamp === true },
      mutations,
    )
    const groups = new SimulatedGroups(kafka, time, random.fork())
    const postgres = new SimulatedPostgres(
      time,
      random.fork(),
      () => ({ failing: unless(plan.failing) }),
      mutations.blindWrites !== true,
    )
    const bitcoin = new SimulatedChain(time, random.fork(), "")
    const gnosis = new SimulatedChain(time, random.fork(), "0x")
    const addresses = { bitcoin: ["bcrt1qbridge", "bcrt1qone", "bcrt1qtwo"], gnosis: ["0xb1", "0xa2"] }
    const node = (chain: SimulatedChain, source: "bitcoind" | "esplora" | "evm"): SimulatedNode =>
      new SimulatedNode({
        time,
        random: random.fork(),
        chain,
        source,
        trustsLagging: mutations.laggingTrusted === true,
        ahead_ms: plan.clocks?.chains_ms ?? 0,
      })
    const bitcoinNodes = [
      node(bitcoin, "bitcoind"),
      ...(plan.observers === 2 ? [node(bitcoin, "esplora")] : []),
    ]
    const gnosisNode = node(gnosis, "evm")
    const bridge = new SimulatedBridge(
      time,
      random.fork(),
      [
        {
          name: "bitcoin",
          bridge_chain: "btc:mainnet",
          asset_id: "BTC",
          chain: bitcoin,
          address: "bcrt1qbridge",
          depth: 2,
        },
        {
          name: "gnosis",
          bridge_chain: "eth:100",
          asset_id: "EURe",
          chain: gnosis,
          address: "0xb1",
          depth: 2,
        },
      ],
      plan.courses,
    )
    bridge.ahead_ms = plan.clocks?.bridge_ms ?? 0
    const drift = random.fork()
    const machine = (name: string): Machine =>
      new Machine(
        name,
        time,
        (drift.next() - 0.5) * 2 * (plan.clocks?.drift ?? 0),
        mutations.wallClocks !== true,
      )
    const machines = {
      manager: machine("liquidity-manager"),
      sentinel: machine("ops-sentinel"),
      writer: machine("history-writer"),
      desk: machine("desk"),
    }
    const handles = [
      { account_id, asset_id: "BTC", chain: "bitcoin" as const, funding_handle: "bcrt1qone" },
      { account_id, asset_id: "BTC", chain: "bitcoin" as const, funding_handle: "bcrt1qtwo" },
      { account_id, asset_id: "EURe", chain: "gnosis" as const, funding_handle: "0xa2" },
    ]
    const managerWorld: ManagerWorld = {
      time,
      machine: machines.manager,
      kafka,
      postgres,
      bitcoin: bitcoinNodes,
      gnosis: gnosisNode,
      bridge,
      uncertain: () => unless(plan.uncertain),
      handles,
      readsOwnTopic: mutations.ownTopicUnread !== true,
    }
    const quietTicks: QuietTick[] = []
    const ticks: Array<{ tick_ms: number; ended_ms: number }> = []
    const sentinelWorld: SentinelWorld = {
      time,
      machine: machines.sentinel,
      onTick: (tick_ms, ended_ms) => void ticks.push({ tick_ms, ended_ms }),
      kafka,
      uncertain: () => unless(plan.uncertain),
      onQuietTick: (tick) => void quietTicks.push(tick),
      readsOwnTopic: mutations.ownAlertsUnread !== true,
      foretellsClamps: mutations.clampsUnforetold !== true,
    }
    const desk = createDesk({ time, kafka, bridge, machine: machines.desk }, random.fork())
    const writerWorld = { time, kafka, groups, postgres, machine: machines.writer }
    const memberName = plan.namedWriters ? "history-writer-0" : null
    const runWriterOf =
      (groupId: string) =>
      (process: Process, chance: Random): Promise<void> =>
        runWriter(writerWorld, { groupId, memberName }, process, chance)
    /** Clocks are set right before a service is started, which takes the machine's word. */
    const onRight =
      (of: Machine, run: (process: Process, random: Random) => Promise<unknown>) =>
      (process: Process, chance: Random): Promise<unknown> => {
        if (of.isWrong()) of.setRight()
        return run(process, chance)
      }
    const services: ReadonlyArray<readonly [string, (process: Process, random: Random) => Promise<unknown>]> =
      [
        [
          "liquidity-manager",
          onRight(machines.manager, (process, chance) => runManager(managerWorld, process, chance)),
        ],
        [
          "ops-sentinel",
          onRight(machines.sentinel, (process, chance) =>
            runSentinel(sentinelWorld, process, chance, start_ms),
          ),
        ],
        ["history-writer", runWriterOf("history-writer")],
      ]
    // One that was set up wrongly reads all that the other reads.
    const secondServices = [...services, ["history-writer", runWriterOf("history-writer-2")] as const]
    const supervisor = new Supervisor({
      time,
      random: random.fork(),
      faults: () => ({ crash: unless(plan.crash), pause: unless(plan.pause) }),
      onEvent,
    })
    for (const [name, run] of services) supervisor.keep(name, run)
    const weather = createWeather({
      plan,
      time,
      random: random.fork(),
      bitcoin,
      gnosis,
      nodes: [...bitcoinNodes, gnosisNode],
      bridge,
      kafka,
      postgres,
      machines: Object.values(machines),
      endWriters: () => supervisor.end("history-writer"),
      addresses,
      onEvent,
    })
    const chance = random.fork()
    const end_ms = start_ms + plan.chaos_ms
    for (let at_ms = start_ms; at_ms < end_ms; at_ms += 1_000) {
      await time.runUntil(at_ms + chance.int(0, 999))
      weather.moment()
      desk.moment()
      if (plan.secondInstances && chance.chance(0.05)) {
        const [name, run] = chance.pick(secondServices)
        supervisor.startSecond(name, run)
      }
    }
    healed = true
    weather.heal()
    onEvent("healed")
    const healed_ms = time.now()
    for (let second = 0; second * 1000 < calm_ms; second++) {
      await time.runUntil(healed_ms + second * 1_000)
      if (second % block_s === 0 && second * 1_000 < calm_ms - 15_000) weather.calm()
      if (second * 1_000 < calm_ms - 10_000) desk.moment()
    }
    await time.runUntil(healed_ms + calm_ms)
    // What was published last is still being written.
    for (let tries = 0; tries < 20 && !isWritten(kafka, postgres); tries++)
      await time.runUntil(time.now() + 300)
    const world = { plan, kafka, postgres, bitcoin, gnosis, bridge, start_ms, healed_ms, quietTicks, ticks }
    options.inspect?.(world)
    return {
      plan,
      problems: problemsOf(world),
      trace: hash("sha256", `${trace}${kafka.digest()}`),
      story,
      events: kafka.size(),
    }
  } finally {
    time.close()
  }
}

/** Whether every transaction has ended and the writer has read every committed message. */
const isWritten = (kafka: SimulatedKafka, postgres: SimulatedPostgres): boolean =>
  [...postgres.checkpoints.values()].every(
    ({ topic, partition, nextOffset }) =>
      kafka.stableEnd(topic, partition) === kafka.partition(topic, partition).length &&
      kafka.read(topic, partition, nextOffset, 1).messages.length === 0,
  )
