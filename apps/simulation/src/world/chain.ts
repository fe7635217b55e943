import type { Random } from "./random.ts"
import type { VirtualTime } from "./virtual-time.ts"

/** One output to a deposit address. */
export interface ChainOutput {
  readonly address: string
  readonly amount: bigint
}

/** A transaction as the network knows it; those that share `inputs` can never be mined together. */
export interface ChainTransaction {
  readonly tx_hash: string
  readonly inputs: number
  readonly outputs: ReadonlyArray<ChainOutput>
  readonly sent_ms: number
}

export interface Block {
  readonly hash: string
  readonly height: number
  readonly at_ms: number
  readonly transactions: ReadonlyArray<string>
}

/** The whole chain at one instant. Views of it are what nodes see; a view never changes. */
export interface ChainView {
  readonly blocks: ReadonlyArray<Block>
  readonly mempool: ReadonlySet<string>
  readonly transactions: ReadonlyMap<string, ChainTransaction>
}

/** Where a transaction stands in a view. */
export type Standing =
  | { readonly kind: "mined"; readonly block: Block; readonly confirmations: number }
  | { readonly kind: "mempool" }
  /** `rival`: who spent its inputs, mined or in the mempool. */
  | { readonly kind: "gone"; readonly rival: string | null; readonly rival_mined: boolean }

/** Where a transaction stands in that view. */
export const standingOf = (view: ChainView, tx_hash: string): Standing => {
  const tip = view.blocks.length
  const inputs = view.transactions.get(tx_hash)?.inputs
  let mined_rival: string | null = null
  for (const block of view.blocks)
    for (const other of block.transactions) {
      if (other === tx_hash) return { kind: "mined", block, confirmations: tip - block.height }
      if (view.transactions.get(other)?.inputs === inputs) mined_rival = other
    }
  if (view.mempool.has(tx_hash)) return { kind: "mempool" }
  if (mined_rival !== null) return { kind: "gone", rival: mined_rival, rival_mined: true }
  const rival = [...view.mempool].find((other) => view.transactions.get(other)?.inputs === inputs) ?? null
  return { kind: "gone", rival, rival_mined: false }
}

/** A chain and its mempool: blocks, replacements, evictions, double spends and reorgs, each a change at an instant. */
export class SimulatedChain {
  private readonly time: VirtualTime
  private readonly random: Random
  private readonly prefix: string
  private inputs = 0
  private blocks: ReadonlyArray<Block> = []
  private mempool: ReadonlySet<string> = new Set()
  private transactions: ReadonlyMap<string, ChainTransaction> = new Map()
  /** Every state that the chain was in, oldest first: the truth that conclusions are held against. */
  readonly history: Array<{ readonly at_ms: number; readonly view: ChainView }> = []

  constructor(time: VirtualTime, random: Random, prefix: "" | "0x") {
    this.time = time
    this.random = random
    this.prefix = prefix
    for (let height = 0; height < 3; height++) this.blocks = [...this.blocks, this.block([])]
    this.note()
  }

  view(): ChainView {
    return this.history.at(-1)?.view as ChainView
  }

  /** How it was that long ago. */
  viewAt(ago_ms: number): ChainView {
    const at_ms = this.time.now() - ago_ms
    return (this.history.findLast((state) => state.at_ms <= at_ms) ?? this.history[0])?.view as ChainView
  }

  private note(): void {
    const { blocks, mempool, transactions } = this
    this.history.push({ at_ms: this.time.now(), view: { blocks, mempool, transactions } })
  }

  private block(transactions: ReadonlyArray<string>): Block {
    const hash = this.prefix + this.random.hash()
    return { hash, height: this.blocks.length, at_ms: this.time.now(), transactions }
  }

  /** Sends a transaction into the mempool; with `replaces`, it spends the same inputs and takes that one's place. */
  send(outputs: ReadonlyArray<ChainOutput>, replaces: ChainTransaction | null = null): ChainTransaction {
    const inputs = replaces?.inputs ?? this.inputs++
    const transaction = {
      tx_hash: this.prefix + this.random.hash(),
      inputs,
      outputs,
      sent_ms: this.time.now(),
    }
    this.transactions = new Map([...this.transactions, [transaction.tx_hash, transaction]])
    this.mempool = new Set([
      ...[...this.mempool].filter((other) => this.transactions.get(other)?.inputs !== inputs),
      transaction.tx_hash,
    ])
    this.note()
    return transaction
  }

  unmined(): ReadonlyArray<ChainTransaction> {
    return [...this.mempool].flatMap((tx_hash) => this.transactions.get(tx_hash) ?? [])
  }

  /** Transactions that are neither mined nor in the mempool, and that nothing mined conflicts with. */
  lost(): ReadonlyArray<ChainTransaction> {
    const view = this.view()
    return [...this.transactions.values()].filter(({ tx_hash }) => {
      const standing = standingOf(view, tx_hash)
      return standing.kind === "gone" && !standing.rival_mined
    })
  }

  evict({ tx_hash }: ChainTransaction): void {
    this.mempool = new Set([...this.mempool].filter((other) => other !== tx_hash))
    this.note()
  }

  /** Sends one again that had left the mempool; its rival there gives way. */
  resend({ tx_hash, inputs }: ChainTransaction): void {
    this.mempool = new Set([
      ...[...this.mempool].filter((other) => this.transactions.get(other)?.inputs !== inputs),
      tx_hash,
    ])
    this.note()
  }

  /** Mines a part of the mempool, and perhaps a rival of something in it that no mempool ever had. */
  mine(share: number, rivals = 0): void {
    const taken: string[] = []
    const left = new Set<string>()
    for (const tx_hash of this.mempool) {
      const transaction = this.transactions.get(tx_hash)
      if (transaction === undefined) continue
      if (this.random.chance(rivals)) {
        const rival = { ...transaction, tx_hash: this.prefix + this.random.hash(), outputs: [] }
        this.transactions = new Map([...this.transactions, [rival.tx_hash, rival]])
        taken.push(rival.tx_hash)
      } else if (this.random.chance(share)) taken.push(tx_hash)
      else left.add(tx_hash)
    }
    this.mempool = left
    this.blocks = [...this.blocks, this.block(taken)]
    this.note()
  }

  /** Takes the last blocks off the chain and mines one more than that instead; what was in them is unmined, or lost. */
  reorg(depth: number, lost: number, rivals: number): void {
    const kept = this.blocks.slice(0, Math.max(1, this.blocks.length - depth))
    const back = this.blocks.slice(kept.length).flatMap((block) => block.transactions)
    this.blocks = kept
    const mempool = new Set(this.mempool)
    for (const tx_hash of back) {
      const inputs = this.transactions.get(tx_hash)?.inputs
      for (const other of mempool) if (this.transactions.get(other)?.inputs === inputs) mempool.delete(other)
      if (!this.random.chance(lost)) mempool.add(tx_hash)
    }
    this.mempool = mempool
    for (let block = 0; block <= depth; block++) this.mine(0.4, rivals)
  }
}
