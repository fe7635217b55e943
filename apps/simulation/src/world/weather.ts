import { topics } from "@landfall/domain/registry"
import type { Plan } from "../plan.ts"
import type { SimulatedBridge } from "./bridge.ts"
import type { SimulatedChain } from "./chain.ts"
import { partitionCount, type SimulatedKafka } from "./kafka.ts"
import type { Machine } from "./machine.ts"
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
  readonly machines: ReadonlyArray<Machine>
  /** Ends all writers, as an operator does who mends a log. */
  readonly endWriters: () => void
  readonly addresses: { readonly bitcoin: ReadonlyArray<string>; readonly gnosis: ReadonlyArray<string> }
  readonly onEvent: (event: string) => void
}

const hour_ms = 3_600_000

/** What is no record of any topic. */
const broken = ['{"not":"a record"', "", "[]", '{"__proto__":{}}', '{"price":1e999}', "\u0000"]

/** Everything that happens to the world by itself: senders, miners, the bridge, and what fails. */
export const createWeather = (options: WeatherOptions) => {
  const {
    plan,
    time,
    random,
    bitcoin,
    gnosis,
    nodes,
    bridge,
    kafka,
    postgres,
    addresses,
    machines,
    onEvent,
  } = options
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

  /** Bytes that are no record, or messages that somebody delivers again; several at once, some in a transaction of their own. */
  const poison = (): void => {
    const { name } = random.pick(topics)
    const id = random.chance(0.4) ? "a stranger" : null
    const write = (key: string, value: Buffer): void => {
      if (id === null) kafka.write(name, key, value, time.now())
      else kafka.append(id, { topic: name, key, value: value.toString() }, time.now())
    }
    for (let count = random.chance(0.3) ? random.int(2, 8) : 1; count > 0; count--) {
      // Aborted or not, what is in a transaction counts as published by a service: only what is no record goes there.
      const again = id === null && random.chance(0.6) ? kafka.anyMessage(name, random) : null
      if (again === null) write(String(random.int(0, 9)), Buffer.from(random.pick(broken)))
      else write(again.key.toString(), again.value)
    }
    if (id !== null)
      time.at(time.now() + random.int(0, 2_000), () =>
        kafka.end(id, random.chance(0.7) ? "aborted" : "committed"),
      )
  }

  const moveClock = (): void => {
    const machine = random.pick(machines)
    if (machine.isWrong() && random.chance(0.6)) {
      machine.setRight()
      onEvent(`the clock of ${machine.name} was set right`)
      return
    }
    const far = random.pick([hour_ms, hour_ms, 60_000, 5_000, 900])
    const by_ms = random.int(-far, far)
    machine.move(by_ms)
    onEvent(`the clock of ${machine.name} was moved by ${by_ms} ms`)
  }

  /** A log is not what it was, for as long as it takes an operator to mend it. */
  const damageLog = (): void => {
    const { name } = random.pick(topics)
    const partition = random.int(0, partitionCount - 1)
    const offset = random.int(0, kafka.partition(name, partition).length)
    const kind = random.pick(["retained", "truncated", "recreated"] as const)
    // Before the first look at it nobody can know what a log was; and with a topic all of its logs are others.
    const others = kind === "recreated" ? Array.from({ length: partitionCount }, (_, other) => other) : []
    if (![partition, ...others].every((one) => postgres.checkpoints.has(`${name}/${one}`))) return
    kafka.damage(name, partition, { kind, offset })
    onEvent(`${name}/${partition} is ${kind} at ${offset}`)
    time.at(time.now() + random.int(500, 12_000), mendLogs)
  }

  /** Writers that read of a damaged log are ended before it is mended: a topic's id never comes back while somebody reads. */
  const mendLogs = (): void => {
    if (!kafka.isDamaged()) return
    options.endWriters()
    kafka.mend()
    onEvent("the logs were mended")
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
    [plan.clocks?.moved === true ? 0.06 : 0, moveClock],
    [plan.damagedLogs ? 0.03 : 0, damageLog],
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
      for (const machine of machines) machine.setRight()
      mendLogs()
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
