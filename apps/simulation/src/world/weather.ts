import { topics } from "@landfall/domain/registry"
import type { Plan } from "../plan.ts"
import type { SimulatedBridge } from "./bridge.ts"
import type { SimulatedChain } from "./chain.ts"
import type { SimulatedKafka } from "./kafka.ts"
import { finalDepth, type NodeMode, type SimulatedNode } from "./node.ts"
import type { SimulatedPostgres } from "./postgres.ts"
import type { Random } from "./random.ts"
import type { VirtualTime } from "./virtual-time.ts"

export interface WeatherOptions {
  readonly plan: Plan
  readonly time: VirtualTime
  readonly random: Random
  readonly bitcoin: SimulatedChain
  readonly gnosis: SimulatedChain
  readonly nodes: ReadonlyArray<SimulatedNode>
  readonly bridge: SimulatedBridge
  readonly kafka: SimulatedKafka
  readonly postgres: SimulatedPostgres
  readonly addresses: { readonly bitcoin: ReadonlyArray<string>; readonly gnosis: ReadonlyArray<string> }
  readonly onEvent: (event: string) => void
}

/** Everything that happens to the world by itself: senders, miners, the bridge, and what fails. */
export const createWeather = (options: WeatherOptions) => {
  const { plan, random, bitcoin, gnosis, nodes, bridge, kafka, postgres, addresses, onEvent } = options
  const outputs = (of: ReadonlyArray<string>) =>
    Array.from({ length: random.chance(0.15) ? 2 : 1 }, () => ({
      address: random.pick(of),
      // Amounts that differ in their last digits, so that no two sums are the same by chance.
      amount: random.chance(0.05)
        ? BigInt(random.int(1, 6_999))
        : BigInt(random.int(7, 2_000)) * 100_000n + BigInt(random.int(1, 99_999)),
    }))

  let replacements = 0
  const replace = (): void => {
    const unmined = bitcoin.unmined()
    if (unmined.length === 0) return
    const old = random.pick(unmined)
    replacements++
    // Of two with the same amount, one mined and credited under another hash or none, nobody could tell which it was; nor
    // of two replacements of one deposit, the first of which was sent again.
    const paid = plan.courses.some((course) => course === "other_hash" || course === "aggregate")
      ? old.outputs.map((output) => ({ ...output, amount: output.amount + BigInt(replacements) }))
      : old.outputs
    const same = random.chance(0.5) ? paid : random.chance(0.5) ? [] : outputs(addresses.bitcoin)
    bitcoin.send(same, old)
    onEvent("replaced")
  }

  const nodeFault = (): void => {
    const node = random.pick(nodes)
    const others = nodes.filter((other) => other.source !== "evm" && other !== node)
    const canLie = node.source !== "evm" && others.length > 0 && others.every((other) => other.isHonest)
    const modes: ReadonlyArray<NodeMode> = [
      "ok",
      "ok",
      "lagging",
      "down",
      ...(canLie ? ["silent" as const] : []),
    ]
    const mode = random.pick(modes)
    node.become(mode)
    if (plan.slowNodes) node.latency_ms_max = random.chance(0.5) ? 30 : 4_000
    onEvent(`${node.source} is ${mode}`)
  }

  const outage = (part: { up: boolean }): void => {
    part.up = !part.up || random.chance(0.5)
  }

  /** Bytes that are no record, or a message that somebody delivers again. */
  const poison = (): void => {
    const { name } = random.pick(topics)
    const again = random.chance(0.6) ? kafka.anyMessage(name, random) : null
    if (again === null) kafka.write(name, String(random.int(0, 9)), Buffer.from('{"not":"a record"'))
    else kafka.write(name, again.key.toString(), again.value)
  }

  /** What can happen in one moment, with its probability. */
  const happenings: ReadonlyArray<readonly [probability: number, happen: () => void]> = [
    [0.12, () => bitcoin.send(outputs(addresses.bitcoin))],
    [0.05, () => gnosis.send(outputs(addresses.gnosis))],
    [0.1, () => bitcoin.mine(0.7, plan.rivals ? 0.08 : 0)],
    [0.3, () => gnosis.mine(0.8)],
    [plan.rivals ? 0.04 : 0, replace],
    [
      plan.rivals ? 0.04 : 0,
      () => {
        const unmined = bitcoin.unmined()
        if (unmined.length > 0) bitcoin.evict(random.pick(unmined))
      },
    ],
    [
      plan.rivals ? 0.05 : 0,
      () => {
        const lost = bitcoin.lost()
        if (lost.length > 0) bitcoin.resend(random.pick(lost))
      },
    ],
    [
      plan.reorgs ? 0.03 : 0,
      () =>
        bitcoin.reorg(random.chance(0.8) ? random.int(1, 3) : random.int(4, 9), 0.15, plan.rivals ? 0.1 : 0),
    ],
    [plan.reorgs ? 0.04 : 0, () => gnosis.reorg(random.int(1, finalDepth - 1), 0.1, 0)],
    [0.3, () => bridge.turn(false)],
    [plan.nodeFaults ? 0.06 : 0, nodeFault],
    [plan.poison ? 0.1 : 0, poison],
    [plan.outages ? 0.08 : 0, () => outage(random.pick([bridge, kafka, postgres]))],
  ]

  return {
    /** One moment of chaos. */
    moment: (): void => {
      for (const [probability, happen] of happenings) if (random.chance(probability)) happen()
    },
    /** Everything works from now on, and what can be mined and credited will be. */
    heal: (): void => {
      for (const part of [bridge, kafka, postgres]) part.up = true
      for (const node of nodes) {
        node.become("ok")
        node.latency_ms_max = 30
      }
      bridge.latency_ms_max = 40
    },
    /** One moment after that. */
    calm: (): void => {
      bitcoin.mine(1)
      gnosis.mine(1)
      bridge.turn(true)
    },
  }
}
