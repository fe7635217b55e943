import type { EsploraApi } from "./esplora-api.ts"
import { EsploraError, type EsploraTransaction } from "./esplora-wire.ts"

/** What one reading of an address brought. */
export interface AddressReading {
  /** By transaction id; down to one that was known to be final, or all. */
  readonly transactions: ReadonlyMap<string, EsploraTransaction>
  /** Whether nothing mined can be missing. */
  readonly whole: boolean
  /** Whether unmined ones can be missing: the server lists no more than so many. */
  readonly mempool_cut: boolean
}

/** Esplora lists at most so many unmined transactions of an address, and has no second page of them. */
const unminedMax = 50
/** 25 a page: an address with more than 5,000 transactions that were never read is somebody's joke. */
const pagesMax = 200

/**
 * Reads an address until it comes to something that is known and final, else to its first transaction. The size of a
 * page is the server's own affair: only an empty page is the end.
 */
export const readAddress = async (
  api: EsploraApi,
  address: string,
  isFinal: (txid: string) => boolean,
): Promise<AddressReading> => {
  const transactions = new Map<string, EsploraTransaction>()
  const add = (page: ReadonlyArray<EsploraTransaction>): number => {
    let added = 0
    for (const transaction of page) {
      // Mined while it was listed, it is in both parts.
      if (transactions.get(transaction.txid)?.block != null) continue
      transactions.set(transaction.txid, transaction)
      added++
    }
    return added
  }
  const first = await api.transactions(address)
  add(first)
  const mempool_cut = first.filter(({ block }) => block === null).length >= unminedMax
  let page = first.filter(({ block }) => block !== null)
  for (let pages = 1; !page.some(({ txid }) => isFinal(txid)); pages++) {
    const last = page.at(-1)
    if (last === undefined) break
    if (pages >= pagesMax) return { transactions, whole: false, mempool_cut }
    page = [...(await api.olderTransactions(address, last.txid))]
    if (add(page) === 0 && page.length > 0)
      throw new EsploraError(`esplora at ${api.shown}: the pages of ${address} repeat after ${last.txid}`)
  }
  return { transactions, whole: true, mempool_cut }
}
