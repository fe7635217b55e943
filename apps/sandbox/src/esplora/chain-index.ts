import type { JsonRpc } from "@landfall/setup/parts/json-rpc"
import type { NodeBlock, NodeTransaction } from "./node-shapes.ts"

/** A block of the node's best chain. */
export interface IndexedBlock extends Omit<NodeBlock, "tx"> {
  readonly txids: ReadonlyArray<string>
}

/** A transaction, and the block of the best chain that has it; null for all others. */
export interface IndexedTransaction {
  readonly raw: NodeTransaction
  block: IndexedBlock | null
  /** Grows with each arrival, so that the newest can be listed first. */
  readonly arrival: number
}

/** What a node without an index of transactions has, by transaction and by address. */
export interface ChainIndex {
  /** Catches up with the node. Whoever asks waits for a look that began after they asked. */
  readonly sync: () => Promise<void>
  /** The best chain, the first block first. */
  readonly blocks: ReadonlyArray<IndexedBlock>
  /** Of the best chain, of the mempool, and of blocks that left the chain. */
  readonly transactions: ReadonlyMap<string, IndexedTransaction>
  readonly isInMempool: (txid: string) => boolean
  /** Transactions that pay the address or spend from it, in no order. */
  readonly touching: (address: string) => Iterable<IndexedTransaction>
  /** Transactions that spend the output. */
  readonly spending: (txid: string, vout: number) => Iterable<IndexedTransaction>
}

/** An index in memory, made from blocks and from the mempool. It is meant for a chain of some thousand blocks. */
export const chainIndex = (rpc: JsonRpc): ChainIndex => {
  const blocks: IndexedBlock[] = []
  const transactions = new Map<string, IndexedTransaction>()
  const mempool = new Set<string>()
  const byAddress = new Map<string, Set<string>>()
  const bySpent = new Map<string, Set<string>>()
  let arrivals = 0
  let queued: Promise<void> | null = null
  let running: Promise<void> = Promise.resolve()

  const note = (index: Map<string, Set<string>>, key: string | undefined, txid: string): void => {
    if (key === undefined) return
    const known = index.get(key)
    if (known === undefined) index.set(key, new Set([txid]))
    else known.add(txid)
  }

  const add = (raw: NodeTransaction, block: IndexedBlock | null): void => {
    const known = transactions.get(raw.txid)
    if (known !== undefined) {
      known.block = block
      return
    }
    transactions.set(raw.txid, { raw, block, arrival: arrivals++ })
    for (const { scriptPubKey } of raw.vout) note(byAddress, scriptPubKey.address, raw.txid)
    for (const { txid, vout } of raw.vin) {
      if (txid === undefined || vout === undefined) continue
      note(bySpent, `${txid}:${vout}`, raw.txid)
      note(byAddress, transactions.get(txid)?.raw.vout[vout]?.scriptPubKey.address, raw.txid)
    }
  }

  const drop = (txid: string): void => {
    mempool.delete(txid)
    // What was mined once is kept, as servers of this kind do.
    const known = transactions.get(txid)
    if (known === undefined || known.block !== null || minedOnce.has(txid)) return
    transactions.delete(txid)
    for (const index of [byAddress, bySpent]) for (const txids of index.values()) txids.delete(txid)
  }
  const minedOnce = new Set<string>()

  const isOnNode = async ({ hash, height }: IndexedBlock): Promise<boolean> =>
    (await rpc<string>("getblockhash", height).catch(() => null)) === hash

  const followChain = async (best: string): Promise<void> => {
    for (let tip = blocks.at(-1); tip !== undefined && !(await isOnNode(tip)); tip = blocks.at(-1)) {
      blocks.pop()
      for (const txid of tip.txids) {
        const known = transactions.get(txid)
        if (known !== undefined) known.block = null
      }
    }
    while (blocks.at(-1)?.hash !== best) {
      const hash = await rpc<string>("getblockhash", blocks.length)
      const { tx, ...header } = await rpc<NodeBlock>("getblock", hash, 2)
      if (header.height !== blocks.length) throw new Error(`block ${hash} is not at ${blocks.length}`)
      const block = { ...header, txids: tx.map(({ txid }) => txid) }
      blocks.push(block)
      for (const raw of tx) {
        add(raw, block)
        minedOnce.add(raw.txid)
        mempool.delete(raw.txid)
      }
    }
  }

  const followMempool = async (): Promise<void> => {
    const now = new Set(await rpc<string[]>("getrawmempool"))
    for (const txid of [...mempool]) if (!now.has(txid)) drop(txid)
    for (const txid of now) {
      if (mempool.has(txid)) continue
      const raw =
        transactions.get(txid)?.raw ??
        (await rpc<NodeTransaction>("getrawtransaction", txid, 1).catch(() => null))
      // It may be gone again.
      if (raw === null) continue
      add(raw, null)
      mempool.add(txid)
    }
  }

  const follow = async (): Promise<void> => {
    for (;;) {
      const best = await rpc<string>("getbestblockhash")
      if (blocks.at(-1)?.hash !== best) await followChain(best)
      await followMempool()
      if ((await rpc<string>("getbestblockhash")) === best) return
    }
  }

  const of = function* (txids: Iterable<string> | undefined): Iterable<IndexedTransaction> {
    for (const txid of txids ?? []) {
      const known = transactions.get(txid)
      if (known !== undefined) yield known
    }
  }

  return {
    blocks,
    transactions,
    isInMempool: (txid) => mempool.has(txid),
    touching: (address) => of(byAddress.get(address)),
    spending: (txid, vout) => of(bySpent.get(`${txid}:${vout}`)),
    sync: () => {
      if (queued !== null) return queued
      const next = running
        .catch(() => {})
        .then(() => {
          queued = null
          running = follow()
          return running
        })
      queued = next
      return next
    },
  }
}
