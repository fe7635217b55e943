import type { GoneOutput } from "@landfall/evaluators/funding/facts"
import type { ExpectedOutput } from "@landfall/evaluators/funding/watch-plan"
import { type BitcoindCall, BitcoindError, type BitcoindRpc } from "./bitcoin-rpc.ts"
import { answerReader, type WalletListing, WalletTransaction } from "./bitcoin-schemas.ts"
import { isIncoming } from "./wallet-listing.ts"

/** Outputs asked about in one poll; only conflicted ones are ever missing, and those are few. */
const askedMax = 200

const notInWallet = -5

const readTransaction = answerReader("gettransaction", WalletTransaction)

/**
 * `listsinceblock` leaves out the outputs of a transaction that a mined one conflicts with. So what should be listed and
 * is not is asked about by name.
 */
export const findConflicted = async (
  rpc: BitcoindRpc,
  listing: WalletListing,
  expected: ReadonlyArray<ExpectedOutput>,
): Promise<ReadonlyArray<GoneOutput>> => {
  const listed = new Set(listing.transactions.filter(isIncoming).map((row) => `${row.txid}:${row.vout}`))
  const missing = expected
    .filter(({ tx_hash, output_index }) => !listed.has(`${tx_hash}:${output_index}`))
    .slice(0, askedMax)
  if (missing.length === 0) return []
  const conflicted: Array<{ readonly output: ExpectedOutput; readonly rivals: ReadonlyArray<string> }> = []
  const answers = await transactions(
    rpc,
    missing.map((output) => output.tx_hash),
  )
  for (const output of missing) {
    const transaction = answers.get(output.tx_hash)
    if (transaction === undefined || transaction.confirmations >= 0) continue
    conflicted.push({ output, rivals: (transaction.walletconflicts ?? []).toSorted() })
  }
  const rivals = await transactions(rpc, [...new Set(conflicted.flatMap((found) => found.rivals))])
  return conflicted.map(({ output: { tx_hash, output_index }, rivals: known }) => {
    const successor_tx_hash = known.find((rival) => (rivals.get(rival)?.confirmations ?? 0) > 0)
    return {
      tx_hash,
      output_index,
      conflicted: true,
      ...(successor_tx_hash === undefined ? {} : { successor_tx_hash }),
    }
  })
}

/** What the wallet says about the transactions that it has. */
const transactions = async (
  rpc: BitcoindRpc,
  txids: ReadonlyArray<string>,
): Promise<ReadonlyMap<string, typeof WalletTransaction.Type>> => {
  const found = new Map<string, typeof WalletTransaction.Type>()
  if (txids.length === 0) return found
  const calls: BitcoindCall[] = txids.map((txid) => ({ method: "gettransaction", parameters: [txid, true] }))
  for (const [index, answer] of (await rpc.batch(calls)).entries()) {
    const txid = txids[index]
    if (answer instanceof BitcoindError) {
      if (answer.code !== notInWallet) throw answer
    } else if (txid !== undefined) found.set(txid, readTransaction(answer))
  }
  return found
}
