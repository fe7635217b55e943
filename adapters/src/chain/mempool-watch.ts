import { type BitcoindCall, BitcoindError, type BitcoindRpc } from "./bitcoin-rpc.ts"
import {
  answerReader,
  DecodedTransaction,
  MempoolEntry,
  Spenders,
  type WalletListing,
} from "./bitcoin-schemas.ts"
import { rivalsOf } from "./wallet-listing.ts"

/** Asked about in one poll: those that may still be there, and a few of those that were gone when last asked. */
const askedMax = 500
const askedAgainMax = 50
const batchMax = 100
/** A replacement that pays elsewhere is looked up through the inputs of what it replaced; so many a poll. */
const lookedUpMax = 20

const transactionNotFound = -5

const readEntry = answerReader("getmempoolentry", MempoolEntry)
const readDecoded = answerReader("gettransaction", DecodedTransaction)
const readSpenders = answerReader("gettxspendingprevout", Spenders)

/** Asks the node's mempool about unmined transactions; `confirmations: 0` alone does not say that it has them. */
export interface MempoolWatch {
  /** Whether the mempool has them, for as many as one poll may ask about. */
  readonly ask: (txids: ReadonlyArray<string>) => Promise<ReadonlyMap<string, boolean>>
  /** Which transaction spends the inputs of those that are missing, where that can be found out. */
  readonly successors: (
    listing: WalletListing,
    missing: ReadonlyArray<string>,
  ) => Promise<ReadonlyMap<string, string>>
  /** The node is another one now, or was restarted. */
  readonly forget: () => void
}

/** Watches the mempool of one node. */
export const mempoolWatch = (rpc: BitcoindRpc): MempoolWatch => {
  /** Transactions that were missing, the one asked about longest ago first. */
  const missingBefore = new Set<string>()

  const batched = async (calls: ReadonlyArray<BitcoindCall>): Promise<ReadonlyArray<unknown>> => {
    const answers: unknown[] = []
    for (let from = 0; from < calls.length; from += batchMax)
      answers.push(...(await rpc.batch(calls.slice(from, from + batchMax))))
    return answers
  }

  const has = (answer: unknown): boolean => {
    if (answer instanceof BitcoindError) {
      if (answer.code === transactionNotFound) return false
      throw answer
    }
    readEntry(answer)
    return true
  }

  const entries = async (txids: ReadonlyArray<string>): Promise<ReadonlyMap<string, boolean>> => {
    const answers = await batched(txids.map((txid) => ({ method: "getmempoolentry", parameters: [txid] })))
    return new Map(txids.map((txid, index) => [txid, has(answers[index])]))
  }

  const ask = async (txids: ReadonlyArray<string>): Promise<ReadonlyMap<string, boolean>> => {
    const listed = new Set(txids)
    for (const txid of missingBefore) if (!listed.has(txid)) missingBefore.delete(txid)
    const again = [...missingBefore].slice(0, askedAgainMax)
    const others = txids.filter((txid) => !missingBefore.has(txid)).slice(0, askedMax)
    const words = await entries([...others, ...again])
    for (const [txid, present] of words) {
      missingBefore.delete(txid)
      if (!present) missingBefore.add(txid)
    }
    return words
  }

  /** Who spends the inputs: the wallet keeps the transaction, so its inputs are known after it is gone. */
  const spenders = async (missing: ReadonlyArray<string>): Promise<ReadonlyMap<string, string>> => {
    const found = new Map<string, string>()
    const asked = missing.slice(0, lookedUpMax)
    const known = await batched(
      asked.map((txid) => ({ method: "gettransaction", parameters: [txid, true, true] })),
    )
    for (const [index, txid] of asked.entries()) {
      if (known[index] instanceof BitcoindError) continue
      const inputs = readDecoded(known[index]).decoded.vin.flatMap((input) =>
        input.txid === undefined || input.vout === undefined ? [] : [{ txid: input.txid, vout: input.vout }],
      )
      if (inputs.length === 0) continue
      const spending = readSpenders(await rpc.call("gettxspendingprevout", [inputs]))
      const [rival] = spending.flatMap((spent) => spent.spendingtxid ?? []).sort()
      if (rival !== undefined && rival !== txid) found.set(txid, rival)
    }
    return found
  }

  return {
    ask,
    successors: async (listing, missing) => {
      const found = new Map<string, string>()
      const open: string[] = []
      const inWallet = [...new Set(missing.flatMap((txid) => rivalsOf(listing, txid).wallet))]
      const present = await entries(inWallet.slice(0, askedMax))
      for (const txid of missing) {
        const rivals = rivalsOf(listing, txid)
        const rival = rivals.mempool[0] ?? rivals.wallet.find((other) => present.get(other) === true)
        if (rival === undefined) open.push(txid)
        else found.set(txid, rival)
      }
      for (const [txid, rival] of await spenders(open)) found.set(txid, rival)
      return found
    },
    forget: () => missingBefore.clear(),
  }
}
