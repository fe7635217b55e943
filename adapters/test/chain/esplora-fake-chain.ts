import { amount } from "@landfall/domain/amount"
import type { EsploraApi } from "../../src/chain/esplora-api.ts"
import type { EsploraTransaction, MinedIn } from "../../src/chain/esplora-wire.ts"
import { genesisBlocks } from "../../src/chain/known-chains.ts"

/** A chain and a mempool in memory, with the strings that the real world pulls. */
export interface FakeChain {
  /** Pays the address, with a coin of its own. */
  readonly send: (address: string) => string
  /** Replaces an unmined transaction by one that pays the address. */
  readonly replace: (txid: string, address: string) => void
  readonly evict: (txid: string) => void
  /** An evicted transaction comes back, if its coin is still there. */
  readonly restore: (txid: string) => void
  readonly mine: (withMempool: boolean) => void
  /** As many blocks leave the chain and one more come; what was in them returns to the mempool, or not. */
  readonly reorganise: (depth: number, returns: boolean, withMempool: boolean) => void
  /** The hash of its block, `mempool`, or null when it is nowhere. */
  readonly whereIs: (txid: string) => string | null
  readonly txids: () => ReadonlyArray<string>
  readonly pays: (txid: string, addresses: ReadonlyArray<string>) => boolean
  /**
   * What an Esplora server over it answers. `before` runs before each answer and may throw. Each question is answered by a
   * server that is so many blocks behind as `lag` says, and has what they hold in its mempool still.
   */
  readonly api: (before: () => void, lag?: () => number) => EsploraApi
  readonly asked: () => number
}

interface Transaction {
  readonly txid: string
  readonly coin: string
  readonly address: string
  readonly place: number
}

interface Block {
  readonly hash: string
  readonly txids: ReadonlyArray<string>
}

/** The addresses that are watched. */
export const watchedAddresses = ["left", "middle", "right"] as const

const pageMax = 3
const mempoolMax = 50

/** Each transaction pays at a place of its own among its outputs. */
const outputsOf = ({ address, place }: Transaction): EsploraTransaction["outputs"] =>
  Array.from({ length: place + 1 }, (_, index) => ({
    address: index === place ? address : null,
    amount: amount(50_000n),
  }))

/** A chain of a few blocks with nothing in them. */
export const fakeChain = (): FakeChain => {
  const transactions = new Map<string, Transaction>()
  const onceMined = new Set<string>()
  let mempool = new Set<string>()
  let blocks: Block[] = [{ hash: genesisBlocks.regtest, txids: [] }]
  let names = 0
  let asked = 0
  const name = (): string => (++names).toString(16).padStart(64, "0")

  const add = (coin: string, address: string): string => {
    const txid = name()
    transactions.set(txid, { txid, coin, address, place: transactions.size })
    mempool.add(txid)
    return txid
  }

  const blockOf = (txid: string): MinedIn | null => {
    const height = blocks.findIndex((block) => block.txids.includes(txid))
    const block = blocks[height]
    return block === undefined ? null : { hash: block.hash, height, time_ms: 0 }
  }

  const whereIs = (txid: string): string | null =>
    blockOf(txid)?.hash ?? (mempool.has(txid) ? "mempool" : null)

  const spenderOf = (coin: string): string | undefined =>
    [...transactions.values()].find((other) => other.coin === coin && whereIs(other.txid) !== null)?.txid

  const restore = (txid: string): void => {
    const known = transactions.get(txid)
    if (known !== undefined && spenderOf(known.coin) === undefined) mempool.add(txid)
  }

  const mine = (withMempool: boolean): void => {
    const txids = withMempool ? [...mempool] : []
    for (const txid of txids) {
      onceMined.add(txid)
      mempool.delete(txid)
    }
    blocks.push({ hash: name(), txids })
  }
  for (let block = 0; block < 12; block++) mine(false)

  const shown = (transaction: Transaction): EsploraTransaction => ({
    txid: transaction.txid,
    coinbase: false,
    inputs: [{ txid: transaction.coin, vout: 0 }],
    outputs: outputsOf(transaction),
    block: blockOf(transaction.txid),
  })

  const at = (height: number) => {
    const listed = blocks.slice(Math.max(0, height - 9), height + 1).map(({ hash }, index) => ({
      hash,
      height: Math.max(0, height - 9) + index,
      time_ms: 0,
    }))
    const [tip, ...older] = listed.reverse()
    if (tip === undefined) throw new Error("no block at that height")
    return [tip, ...older] as const
  }

  return {
    txids: () => [...transactions.keys()],
    pays: (txid, addresses) => addresses.includes(transactions.get(txid)?.address ?? ""),
    asked: () => asked,
    whereIs,
    send: (address) => add(name(), address),
    replace: (txid, address) => {
      const replaced = transactions.get(txid)
      if (replaced === undefined || !mempool.delete(txid)) return
      add(replaced.coin, address)
    },
    evict: (txid) => void mempool.delete(txid),
    restore,
    mine,
    reorganise: (depth, returns, withMempool) => {
      const left = blocks.splice(Math.max(1, blocks.length - depth))
      if (returns) for (const { txids } of left) txids.forEach(restore)
      for (let block = 0; block <= left.length; block++) mine(withMempool && block === 0)
    },
    api: (before, lag = () => 0) => {
      const answer = async <Answer>(work: () => Answer): Promise<Answer> => {
        asked++
        before()
        const whole = { blocks, mempool }
        const kept = Math.max(1, blocks.length - lag())
        mempool = new Set([...mempool, ...blocks.slice(kept).flatMap(({ txids }) => txids)])
        blocks = blocks.slice(0, kept)
        try {
          return work()
        } finally {
          blocks = whole.blocks
          mempool = whole.mempool
        }
      }
      const minedAt = (address: string) =>
        [...transactions.values()]
          .map(shown)
          .filter(
            ({ block, outputs }) => block !== null && outputs.some((output) => output.address === address),
          )
          .sort((one, other) => (other.block?.height ?? 0) - (one.block?.height ?? 0))
      return {
        shown: "http://fake",
        blocks: (from_height) => answer(() => at(from_height ?? blocks.length - 1)),
        isInBestChain: (hash) => answer(() => blocks.some((block) => block.hash === hash)),
        transactions: (address) =>
          answer(() => [
            ...[...mempool]
              .flatMap((txid) => transactions.get(txid) ?? [])
              .filter((transaction) => transaction.address === address)
              .map(shown)
              .slice(0, mempoolMax),
            ...minedAt(address).slice(0, pageMax),
          ]),
        olderTransactions: (address, txid) =>
          answer(() => {
            const mined = minedAt(address)
            const index = mined.findIndex((transaction) => transaction.txid === txid)
            return index < 0 ? [] : mined.slice(index + 1, index + 1 + pageMax)
          }),
        transaction: (txid) =>
          answer(() => {
            const known = transactions.get(txid)
            const isServed = whereIs(txid) !== null || onceMined.has(txid)
            return known === undefined || !isServed ? null : shown(known)
          }),
        spender: (coin) =>
          answer(() => {
            const txid = spenderOf(coin)
            return txid === undefined ? null : { txid, mined: blockOf(txid) !== null }
          }),
      }
    },
  }
}
