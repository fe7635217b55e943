import type { Amount } from "@landfall/domain/amount"
import { handleKey } from "@landfall/evaluators/funding/identity"
import type { WatchPlan } from "@landfall/evaluators/funding/watch-plan"
import type { AddressReading } from "./esplora-address.ts"
import type { EsploraTransaction, MinedIn, Outpoint } from "./esplora-wire.ts"

/** A transaction of a watched address: one that pays it, or one that spends from it and has no outputs here. */
export interface KnownTransaction {
  readonly txid: string
  readonly coinbase: boolean
  readonly inputs: ReadonlyArray<Outpoint>
  readonly outputs: ReadonlyArray<{ readonly output_index: number; readonly amount: Amount }>
  readonly block: MinedIn | null
}

/** What is known of one watched address. */
export interface AddressRecord {
  /** As the watcher wrote it. */
  readonly address: string
  /** Transactions by id. */
  readonly transactions: Map<string, KnownTransaction>
  /** Transactions that the last reading should have shown and did not. */
  readonly missing: Set<string>
  /** Whether its transactions are all there are, apart from what came since it was read. */
  whole: boolean
  /** Whether the last reading may lack unmined ones. */
  mempool_cut: boolean
}

/** What was read of the watched addresses. It holds the past that cannot change, so that only the rest is asked for. */
export interface EsploraBook {
  readonly watch: (addresses: ReadonlyArray<string>) => void
  /** Whether these are all that are watched. */
  readonly areAll: (some: ReadonlySet<AddressRecord>) => boolean
  /**
   * The records to read next: up to half of them of those given, for their transfers are open, and then those that
   * were never read or lost a block, and those that were read longest ago.
   */
  readonly next: (count: number, open: ReadonlySet<AddressRecord>) => ReadonlyArray<AddressRecord>
  /** It was read now: the others come first. */
  readonly wasRead: (record: AddressRecord) => void
  readonly recordOf: (address: string) => AddressRecord | undefined
  /** The records that have the transaction. */
  readonly holding: (txid: string) => ReadonlyArray<AddressRecord>
  readonly isFinal: (record: AddressRecord, txid: string, tip_height: number, depth: number) => boolean
  readonly put: (record: AddressRecord, transaction: EsploraTransaction) => void
  readonly merge: (record: AddressRecord, reading: AddressReading, final_below: number) => void
  readonly forget: (record: AddressRecord, txid: string) => void
  /**
   * After a reorganisation: unmines what was in blocks that are in the chain no more. `isRecent` says whether a block is
   * among the newest ones of the chain, and null when it is older than those.
   */
  readonly verify: (
    isRecent: (block: MinedIn) => boolean | null,
    isInBestChain: (block: MinedIn) => Promise<boolean>,
  ) => Promise<void>
}

/** The addresses that a plan's open transfers pay, as far as they are known. */
export const openRecords = (book: EsploraBook, plan: WatchPlan): ReadonlySet<AddressRecord> => {
  const open = new Set<AddressRecord>()
  for (const { tx_hash } of plan.expected)
    for (const record of book.holding(tx_hash))
      if (record.transactions.get(tx_hash)?.block == null || record.missing.has(tx_hash)) open.add(record)
  return open
}

const keyOf = (address: string): string => handleKey("bitcoin", address)

/** A book with nothing in it. */
export const esploraBook = (): EsploraBook => {
  /** The one that was read longest ago first. */
  const records = new Map<string, AddressRecord>()
  const urgent = new Set<AddressRecord>()
  let watched: ReadonlyArray<string> = []
  const holders = new Map<string, Set<AddressRecord>>()

  const forget = (record: AddressRecord, txid: string): void => {
    record.transactions.delete(txid)
    record.missing.delete(txid)
    const holding = holders.get(txid)
    holding?.delete(record)
    if (holding?.size === 0) holders.delete(txid)
  }

  const keep = (record: AddressRecord, known: KnownTransaction): void => {
    record.transactions.set(known.txid, known)
    const holding = holders.get(known.txid)
    if (holding === undefined) holders.set(known.txid, new Set([record]))
    else holding.add(record)
  }

  const put = (
    record: AddressRecord,
    { txid, coinbase, inputs, outputs, block }: EsploraTransaction,
  ): void => {
    const own = keyOf(record.address)
    const paid = outputs.flatMap(({ address, amount }, output_index) =>
      address !== null && keyOf(address) === own ? [{ output_index, amount }] : [],
    )
    keep(record, { txid, coinbase, inputs, outputs: paid, block })
    record.missing.delete(txid)
  }

  return {
    watch: (addresses) => {
      if (addresses.length === watched.length && addresses.every((address, at) => address === watched[at]))
        return
      watched = addresses
      const wanted = new Map(addresses.map((address) => [keyOf(address), address]))
      for (const [key, record] of records) {
        if (wanted.has(key)) continue
        for (const txid of [...record.transactions.keys()]) forget(record, txid)
        records.delete(key)
        urgent.delete(record)
      }
      for (const [key, address] of wanted) {
        if (records.has(key)) continue
        const record = {
          address,
          transactions: new Map(),
          missing: new Set<string>(),
          whole: false,
          mempool_cut: false,
        }
        records.set(key, record)
        urgent.add(record)
      }
    },
    areAll: (some) => some.size >= records.size && [...records.values()].every((record) => some.has(record)),
    next: (count, open) => {
      const picked = new Set<AddressRecord>()
      const take = (
        from: Iterable<AddressRecord>,
        limit: number,
        wanted: (record: AddressRecord) => boolean,
      ) => {
        for (const record of from) {
          if (picked.size >= limit) return
          if (wanted(record)) picked.add(record)
        }
      }
      if (open.size > 0) take(records.values(), Math.floor(count / 2), (record) => open.has(record))
      take(urgent, count, () => true)
      take(records.values(), count, () => true)
      return [...picked]
    },
    wasRead: (record) => {
      const key = keyOf(record.address)
      urgent.delete(record)
      if (records.delete(key)) records.set(key, record)
    },
    recordOf: (address) => records.get(keyOf(address)),
    holding: (txid) => [...(holders.get(txid) ?? [])],
    isFinal: (record, txid, tip_height, depth) => {
      const block = record.transactions.get(txid)?.block
      return record.whole && block != null && tip_height - block.height >= depth
    },
    put,
    merge: (record, reading, final_below) => {
      for (const transaction of reading.transactions.values()) put(record, transaction)
      record.whole = reading.whole
      record.mempool_cut = reading.mempool_cut
      if (!reading.whole) return
      for (const [txid, { block }] of record.transactions) {
        const wasNotAsked = block !== null && block.height <= final_below
        if (!reading.transactions.has(txid) && !wasNotAsked) record.missing.add(txid)
      }
    },
    forget,
    verify: async (isRecent, isInBestChain) => {
      const left = new Set<string>()
      const older = new Map<string, MinedIn>()
      for (const { transactions } of records.values())
        for (const { block } of transactions.values()) {
          if (block === null) continue
          const isThere = isRecent(block)
          if (isThere === null) older.set(block.hash, block)
          else if (!isThere) left.add(block.hash)
        }
      // What is below a block of the best chain is in it too.
      for (const block of [...older.values()].sort((one, other) => other.height - one.height)) {
        if (await isInBestChain(block)) break
        left.add(block.hash)
      }
      for (const record of records.values())
        for (const known of record.transactions.values())
          if (known.block !== null && left.has(known.block.hash)) {
            keep(record, { ...known, block: null })
            urgent.add(record)
          }
    },
  }
}
