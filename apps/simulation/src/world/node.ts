import type { ChainObserver } from "@landfall/adapters/chain/observer"
import { amount } from "@landfall/domain/amount"
import { timestamp } from "@landfall/domain/timestamp"
import type { ObserverHealth } from "@landfall/domain/topics/funding-observation"
import type { ChainSighting, GoneOutput, SeenOutput } from "@landfall/evaluators/funding/facts"
import { type ChainView, type SimulatedChain, standingOf } from "./chain.ts"
import type { Process } from "./process.ts"
import type { Random } from "./random.ts"
import type { VirtualTime } from "./virtual-time.ts"

/** How a node behaves. A `silent` one says that it is well and leaves things out. */
export type NodeMode = "ok" | "lagging" | "down" | "silent"

export interface NodeOptions {
  readonly time: VirtualTime
  readonly random: Random
  readonly chain: SimulatedChain
  readonly source: ChainSighting["source"]
  /** On, a node that lags says that it is well: a mutation that the invariants must find. */
  readonly trustsLagging: boolean
  /** How far the chain's clock is ahead. */
  readonly ahead_ms: number
}

/** Below this depth the finality tag covers a block of the EVM chain, and no reorg reaches. */
export const finalDepth = 4

/** A node with a wallet: it goes on knowing what it has seen, whoever asks it and whenever. */
export class SimulatedNode {
  readonly source: ChainSighting["source"]
  private readonly options: NodeOptions
  private readonly wallet = new Set<string>()
  private frozen: ChainView
  private mode: NodeMode = "ok"
  /** Longest time that an answer takes. */
  latency_ms_max = 30

  constructor(options: NodeOptions) {
    this.options = options
    this.source = options.source
    this.frozen = options.chain.view()
  }

  get isHonest(): boolean {
    return this.mode !== "silent"
  }

  become(mode: NodeMode): void {
    // A node that lags has begun anew with what it had a while ago.
    if (mode === "lagging") this.frozen = this.options.chain.viewAt(this.options.random.int(0, 40_000))
    this.mode = mode
  }

  /** The observer that a process has of this node. */
  observer(process: Process): ChainObserver {
    const { time, random } = this.options
    let addresses: ReadonlySet<string> = new Set()
    // What it was asked to look for it looks for as long as it lives, as the observer of the EVM chain does.
    const awaited = new Set<string>()
    let health: ObserverHealth = { state: "down", tip_height: null, tip_at: null }
    return {
      watch: (watched) => {
        addresses = new Set(watched.map(({ address }) => address))
      },
      poll: async (plan) => {
        for (const { tx_hash, output_index } of plan.expected) awaited.add(`${tx_hash}:${output_index}`)
        await process.wait(random.int(1, this.latency_ms_max))
        const sighting = this.look(addresses, awaited)
        health = sighting.health
        return sighting
      },
      status: () => ({
        health,
        last_poll_at: timestamp(time.now()),
        last_success_at: null,
        last_error: null,
        refused_handles: {},
      }),
    }
  }

  private look(addresses: ReadonlySet<string>, awaited: ReadonlySet<string>): ChainSighting {
    const { chain, source } = this.options
    const view = this.mode === "lagging" ? this.frozen : chain.view()
    const tip = view.blocks.at(-1)
    const height = view.blocks.length - 1
    const isBehind = this.mode === "lagging" && !this.options.trustsLagging
    const state = this.mode === "down" ? "down" : isBehind ? "lagging" : "ok"
    const health: ObserverHealth = {
      state,
      tip_height: height,
      tip_at: tip === undefined ? null : timestamp(tip.at_ms + this.options.ahead_ms),
    }
    if (this.mode === "down") return { source, health, outputs: [], gone: [], complete: false }
    return { source, health, ...this.listing(view, addresses, awaited) }
  }

  private listing(
    view: ChainView,
    addresses: ReadonlySet<string>,
    awaited: ReadonlySet<string>,
  ): Pick<ChainSighting, "outputs" | "gone" | "complete"> {
    const isEvm = this.source === "evm"
    const outputs: SeenOutput[] = []
    const gone: GoneOutput[] = []
    for (const transaction of view.transactions.values()) {
      const { tx_hash } = transaction
      const standing = standingOf(view, tx_hash)
      const isThere = standing.kind === "mined" || (standing.kind === "mempool" && !isEvm)
      if (isThere) this.wallet.add(tx_hash)
      else if (!this.wallet.has(tx_hash)) continue
      for (const [output_index, { address, amount: units }] of transaction.outputs.entries()) {
        if (!addresses.has(address)) continue
        if (this.mode === "silent" && this.options.random.chance(0.6)) continue
        const place = { tx_hash, output_index }
        const seen = {
          ...place,
          funding_handle: address,
          amount: amount(units),
          chain_time_ms: transaction.sent_ms + this.options.ahead_ms,
          ...(isEvm ? { token: "0x420ca0f9b9b604ce0fd9c18ef134c705e5fa3430" } : {}),
        }
        if (standing.kind === "mined") {
          const { block, confirmations } = standing
          const final = isEvm ? { final: confirmations > finalDepth } : {}
          outputs.push({
            ...seen,
            confirmations,
            ...final,
            block_hash: block.hash,
            block_height: block.height,
          })
        } else if (standing.kind === "mempool" && !isEvm)
          outputs.push({ ...seen, confirmations: 0, in_mempool: true })
        else if (isEvm) {
          if (awaited.has(`${tx_hash}:${output_index}`)) gone.push(place)
        } else {
          const rival = standing.kind === "gone" ? standing : { rival: null, rival_mined: false }
          const successor = rival.rival === null ? {} : { successor_tx_hash: rival.rival }
          const conflicted = rival.rival_mined ? { conflicted: true } : {}
          outputs.push({ ...seen, confirmations: 0, in_mempool: false, ...conflicted, ...successor })
        }
      }
    }
    return { outputs, gone, complete: !isEvm && this.mode !== "lagging" }
  }
}
