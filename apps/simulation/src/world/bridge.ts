import type { Bridge } from "@landfall/adapters/bridge/bridge"
import { amount } from "@landfall/domain/amount"
import type { Chain } from "@landfall/domain/topics/funding-observation"
import type { BridgeDeposit } from "@landfall/evaluators/funding/facts"
import { type SimulatedChain, standingOf } from "./chain.ts"
import type { Process } from "./process.ts"
import type { Random } from "./random.ts"
import type { VirtualTime } from "./virtual-time.ts"

/** What the bridge does about one deposit, or about several in one row. */
export type BridgeCourse =
  | "same_hash"
  | "other_hash"
  | "aggregate"
  | "failed_first"
  | "pending_first"
  | "never"

/** A chain that the bridge takes deposits on. */
export interface BridgedChain {
  readonly name: Chain
  readonly bridge_chain: string
  readonly asset_id: string
  readonly chain: SimulatedChain
  readonly address: string
  /** Confirmations that the bridge waits for. */
  readonly depth: number
}

interface Row {
  readonly course: BridgeCourse
  deposit: BridgeDeposit
}

/** The account that all deposits belong to. */
export const account_id = "desk.near"

/** The bridge and the verifier behind it: it credits what was mined, in its own time and words. */
export class SimulatedBridge {
  private readonly time: VirtualTime
  private readonly random: Random
  private readonly chains: ReadonlyArray<BridgedChain>
  private readonly courses: ReadonlyArray<BridgeCourse>
  private readonly rows: Row[] = []
  /** What it has decided about each output, by `tx_hash:output_index`. */
  readonly decided = new Map<string, Row>()
  /** What the verifier holds, by asset, and since when: each entry is the balance from that instant on. */
  readonly balances: Array<{ readonly at_ms: number; readonly of: ReadonlyMap<string, bigint> }> = []
  up = true
  /** How far its clock is ahead. */
  ahead_ms = 0
  latency_ms_max = 40

  constructor(
    time: VirtualTime,
    random: Random,
    chains: ReadonlyArray<BridgedChain>,
    courses: ReadonlyArray<BridgeCourse>,
  ) {
    this.time = time
    this.random = random
    this.chains = chains
    this.courses = courses
    this.balances.push({ at_ms: time.now(), of: new Map(chains.map(({ asset_id }) => [asset_id, 0n])) })
  }

  /** Looks at its chains once: takes up what is new, and goes on with what it took up. */
  turn(healing: boolean): void {
    for (const row of this.rows) {
      const { status } = row.deposit
      const isOver = status === "COMPLETED" || (row.course === "never" && !healing)
      if (!isOver && row.course !== "never" && (healing || this.random.chance(0.3))) this.credit(row)
    }
    for (const bridged of this.chains) this.takeUp(bridged, healing)
  }

  isCredited(outpoint: string): boolean {
    return this.decided.get(outpoint)?.deposit.status === "COMPLETED"
  }

  rowOf(outpoint: string): BridgeDeposit | undefined {
    return this.decided.get(outpoint)?.deposit
  }

  /** What the bridge put into one sum with it, itself included. */
  sumOf(outpoint: string): ReadonlyArray<string> {
    const row = this.decided.get(outpoint)
    return [...this.decided].flatMap(([other, of]) => (of === row ? [other] : []))
  }

  private takeUp(bridged: BridgedChain, healing: boolean): void {
    const view = bridged.chain.view()
    const fresh: Array<{ outpoint: string; tx_hash: string; address: string; units: bigint }> = []
    for (const { tx_hash, outputs } of view.transactions.values()) {
      const standing = standingOf(view, tx_hash)
      if (standing.kind !== "mined" || standing.confirmations < bridged.depth) continue
      for (const [index, { address, amount: units }] of outputs.entries()) {
        const outpoint = `${tx_hash}:${index}`
        if (!this.decided.has(outpoint) && (healing || this.random.chance(0.5)))
          fresh.push({ outpoint, tx_hash, address, units })
      }
    }
    const course = this.random.pick(this.courses)
    const [first, second] = fresh
    if (course === "aggregate" && first !== undefined && second?.address === first.address)
      this.open(bridged, [first.outpoint, second.outpoint], course, {
        tx_hash: null,
        address: first.address,
        units: first.units + second.units,
      })
    for (const one of fresh) {
      if (this.decided.has(one.outpoint)) continue
      const own = this.random.pick(this.courses)
      const tx_hash = own === "other_hash" ? this.random.hash() : one.tx_hash
      this.open(bridged, [one.outpoint], own, { ...one, tx_hash })
    }
  }

  private open(
    { name, asset_id }: BridgedChain,
    parts: ReadonlyArray<string>,
    course: BridgeCourse,
    of: { readonly tx_hash: string | null; readonly address: string; readonly units: bigint },
  ): void {
    const status = course === "failed_first" ? "FAILED" : course === "pending_first" ? "PENDING" : "CREATED"
    const deposit: BridgeDeposit = {
      tx_hash: of.tx_hash,
      chain: name,
      asset_id,
      address: of.address,
      amount: amount(of.units),
      account_id,
      status,
      created_at_ms: this.time.now() + this.ahead_ms,
    }
    const row: Row = { course, deposit }
    for (const outpoint of parts) this.decided.set(outpoint, row)
    if (course !== "never") this.rows.push(row)
  }

  private credit(row: Row): void {
    row.deposit = { ...row.deposit, status: "COMPLETED" }
    const { asset_id, amount: units } = row.deposit
    const of = new Map(this.balances.at(-1)?.of)
    of.set(asset_id, (of.get(asset_id) ?? 0n) + units)
    this.balances.push({ at_ms: this.time.now(), of })
  }

  deposits(bridge_chain: string | null): ReadonlyArray<BridgeDeposit> {
    const name = this.chains.find((bridged) => bridged.bridge_chain === bridge_chain)?.name
    return this.rows
      .map(({ deposit }) => deposit)
      .filter(({ chain }) => bridge_chain === null || chain === name)
      .toReversed()
  }

  /** The bridge as a process asks it. */
  client(process: Process): Bridge {
    const ask = async <Value>(of: () => Value): Promise<Value> => {
      await process.wait(this.random.int(1, this.latency_ms_max))
      if (!this.up) throw new Error("the bridge does not answer")
      return of()
    }
    return {
      recentDeposits: (_account, bridge_chain) =>
        ask(() => ({ rows: this.deposits(bridge_chain), problems: [] })),
      depositAddress: (_account, bridge_chain) =>
        ask(() => this.chains.find((bridged) => bridged.bridge_chain === bridge_chain)?.address ?? null),
      minimumDeposits: () => ask(() => new Map()),
    }
  }
}
