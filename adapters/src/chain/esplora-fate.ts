import type { EsploraApi } from "./esplora-api.ts"
import type { AddressRecord, EsploraBook, KnownTransaction } from "./esplora-book.ts"
import type { EsploraTransaction } from "./esplora-wire.ts"

/** A transaction is nowhere, and why as far as that shows. */
export interface Absence {
  readonly conflicted: boolean
  readonly successor_tx_hash: string | null
}

export interface FatesOptions {
  readonly api: EsploraApi
  readonly book: EsploraBook
  /** So long it must have been missed before its absence counts, unless a rival shows. */
  readonly absence_ms: number
  readonly now: () => number
}

/** Finds out what became of transactions that should be listed and are not. */
export interface Fates {
  /** Of one whose inputs are known; null when nothing can be concluded yet, or it is there. */
  readonly ofMissing: (known: KnownTransaction) => Promise<Absence | null>
  /** Of one of which only the name is known. */
  readonly ofNamed: (txid: string) => Promise<EsploraTransaction | "gone" | null>
  /** It is there after all. */
  readonly found: (txid: string) => void
  /** For how long it has been missed; 0 when it is not. */
  readonly missedForMs: (txid: string) => number
}

/** A transaction with more inputs is rare, and one rival is enough. */
const inputsMax = 20

/** What becomes of transactions, remembered over polls. */
export const fates = ({ api, book, absence_ms, now }: FatesOptions): Fates => {
  const missedSince = new Map<string, number>()

  /**
   * A server takes blocks and the mempool in one after the other, so that for a moment a transaction is in neither.
   * Only what is missed for a while is gone.
   */
  const settled = (txid: string): boolean => {
    const since = missedSince.get(txid) ?? now()
    missedSince.set(txid, since)
    return now() - since >= absence_ms
  }

  const rivalOf = async ({ txid, inputs }: KnownTransaction) => {
    let unmined: string | null = null
    for (const input of inputs.slice(0, inputsMax)) {
      const spender = await api.spender(input.txid, input.vout)
      if (spender === null) continue
      // The server contradicts itself: it lists the transaction nowhere and still has its inputs spent by it.
      if (spender.txid === txid) return "itself"
      if (spender.mined) return { conflicted: true, successor_tx_hash: spender.txid }
      unmined = spender.txid
    }
    return unmined === null ? null : { conflicted: false, successor_tx_hash: unmined }
  }

  const found = (txid: string): void => {
    missedSince.delete(txid)
  }

  return {
    found,
    missedForMs: (txid) => now() - (missedSince.get(txid) ?? now()),
    ofMissing: async (known) => {
      const { txid } = known
      const transaction = await api.transaction(txid)
      if (transaction !== null && transaction.block !== null) {
        for (const record of book.holding(txid)) book.put(record, transaction)
        found(txid)
        return null
      }
      // A transaction whose block left the chain is still served, as unmined, whether or not it can ever be mined
      // again. So only the list of its address says whether the mempool has it, and that lacks it.
      const rival = await rivalOf(known)
      if (rival === "itself") {
        // Of a list that is cut short it may be missing all the same.
        for (const record of book.holding(txid)) if (record.mempool_cut) record.missing.delete(txid)
        return null
      }
      const waited = settled(txid)
      return rival ?? (waited ? { conflicted: false, successor_tx_hash: null } : null)
    },
    ofNamed: async (txid) => {
      const transaction = await api.transaction(txid)
      if (transaction === null) return settled(txid) ? "gone" : null
      found(txid)
      return transaction
    },
  }
}

/** What is missing in the records. */
export const missingOf = (records: Iterable<AddressRecord>): ReadonlyMap<string, KnownTransaction> => {
  const missing = new Map<string, KnownTransaction>()
  for (const record of records)
    for (const txid of record.missing) {
      const known = record.transactions.get(txid)
      if (known !== undefined) missing.set(txid, known)
    }
  return missing
}
