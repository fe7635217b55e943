import type { GoneOutput, SeenOutput } from "@landfall/evaluators/funding/facts"
import { satoshi } from "./bitcoin-amount.ts"
import { BitcoindError } from "./bitcoin-rpc.ts"
import type { WalletListing, WalletRow } from "./bitcoin-schemas.ts"

/** What the node's mempool says about a transaction that is not mined. */
export interface MempoolWord {
  readonly in_mempool: boolean
  /** The transaction that spends its inputs instead. */
  readonly successor_tx_hash?: string
}

const coinbaseCategories: ReadonlySet<string> = new Set(["immature", "generate", "orphan"])

/**
 * Rows that pay an address: received, or mined to it. What was sent from an address is no deposit. A transaction that
 * a mined one conflicts with has no such row any more: bitcoind leaves its outputs out.
 */
export const isIncoming = (row: WalletRow): boolean =>
  row.address !== undefined &&
  row.confirmations >= 0 &&
  (row.category === "receive" || coinbaseCategories.has(row.category))

/** The transactions of a listing that are not mined: the mempool decides about them. */
export const unminedTransactions = (listing: WalletListing): ReadonlyArray<string> => {
  const unmined = listing.transactions.filter(
    (row) => isIncoming(row) && row.confirmations === 0 && row.category !== "orphan",
  )
  return [...new Set(unmined.map((row) => row.txid))]
}

/** Rivals of a transaction, by the listing: first those in the mempool, then all that the wallet knows. */
export const rivalsOf = (listing: WalletListing, txid: string) => {
  const rows = listing.transactions.filter((row) => row.txid === txid)
  const mempool = new Set(rows.flatMap((row) => row.mempoolconflicts ?? []))
  const wallet = new Set(rows.flatMap((row) => row.walletconflicts ?? []))
  return { mempool: [...mempool].sort(), wallet: [...wallet].sort() }
}

const seenOutput = (row: WalletRow, mempool: ReadonlyMap<string, MempoolWord>): SeenOutput => {
  const units = satoshi(row.amount)
  if (units === null || row.address === undefined)
    throw new BitcoindError("garbage", `listsinceblock: ${row.txid}:${row.vout} has no amount of satoshi`)
  const coinbase = coinbaseCategories.has(row.category)
  const time = row.confirmations > 0 ? row.blocktime : (row.timereceived ?? row.time)
  const output = {
    tx_hash: row.txid,
    output_index: row.vout,
    funding_handle: row.address,
    amount: units,
    ...(time === undefined ? {} : { chain_time_ms: time * 1000 }),
    ...(coinbase ? { coinbase } : {}),
  }
  if (row.confirmations > 0)
    return {
      ...output,
      confirmations: row.confirmations,
      ...(row.blockhash === undefined ? {} : { block_hash: row.blockhash }),
      ...(row.blockheight === undefined ? {} : { block_height: row.blockheight }),
    }
  // A coinbase whose block left the chain is never in a mempool.
  if (row.category === "orphan") return { ...output, confirmations: 0, in_mempool: false }
  return { ...output, confirmations: 0, ...mempool.get(row.txid) }
}

/** The outputs to watched addresses, and those that left the chain and are listed no more. */
export const readListing = (
  listing: WalletListing,
  mempool: ReadonlyMap<string, MempoolWord>,
): { readonly outputs: ReadonlyArray<SeenOutput>; readonly gone: ReadonlyArray<GoneOutput> } => {
  const incoming = listing.transactions.filter(isIncoming)
  // A transaction that was mined again is in both lists.
  const listed = new Set(incoming.map((row) => `${row.txid}:${row.vout}`))
  return {
    outputs: incoming.map((row) => seenOutput(row, mempool)),
    gone: (listing.removed ?? [])
      .filter((row) => isIncoming(row) && !listed.has(`${row.txid}:${row.vout}`))
      .map((row) => ({ tx_hash: row.txid, output_index: row.vout })),
  }
}
