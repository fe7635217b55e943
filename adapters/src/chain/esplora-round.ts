import type { GoneOutput } from "@landfall/evaluators/funding/facts"
import type { WatchPlan } from "@landfall/evaluators/funding/watch-plan"
import { RequestFailed } from "../net/request-failed.ts"
import { readAddress } from "./esplora-address.ts"
import type { EsploraApi } from "./esplora-api.ts"
import { type AddressRecord, type EsploraBook, openRecords } from "./esplora-book.ts"
import { deniesChain, placesIn } from "./esplora-denial.ts"
import { type Absence, fates } from "./esplora-fate.ts"
import { openQuestions } from "./esplora-questions.ts"
import { type ChainEnd, esploraTip } from "./esplora-tip.ts"
import { eachOf } from "./esplora-work.ts"
import type { TipWatchOptions } from "./tip-watch.ts"

export interface EsploraRoundsOptions extends TipWatchOptions {
  readonly api: EsploraApi
  /** Addresses read in one poll; more of them take turns. */
  readonly addresses_max: number
  /** Requests at once. */
  readonly concurrency_max: number
  /** So long a transaction must have been missed before it counts as gone. */
  readonly absence_ms: number
}

/** What one round of questions found out. */
export interface EsploraRound {
  readonly end: ChainEnd
  /** The addresses that were read in this round. */
  readonly read: ReadonlySet<AddressRecord>
  /** What became of transactions that are nowhere. */
  readonly absent: ReadonlyMap<string, Absence>
  /** Transfers known by name only, of which the server has nothing. */
  readonly gone: ReadonlyArray<GoneOutput>
  /** Whether every address was read to its end, and all that should be there was found, or found to be absent. */
  readonly complete: boolean
  /** Why the server is not to be relied on for what it does not show; empty when it is. */
  readonly reasons: ReadonlyArray<string>
  readonly failure: Error | null
}

/** Asks one Esplora server, round by round. */
export interface EsploraRounds {
  /** Rejects when the server does not even show its tip. */
  readonly ask: (plan: WatchPlan) => Promise<EsploraRound>
  /** Addresses that the server refuses, with its reason. */
  readonly refused: ReadonlyMap<string, string>
  /** The server may be another one now. */
  readonly reconnected: () => void
}

/** Blocks beyond the policy from which on a transaction is not read again, unless its block leaves the chain. */
const reorgMargin = 6

const badRequest = 400

/** Rounds that fill the book. */
export const esploraRounds = (book: EsploraBook, options: EsploraRoundsOptions): EsploraRounds => {
  const { api, concurrency_max } = options
  const tip = esploraTip(api, options)
  const fate = fates({ ...options, book })
  const open = openQuestions({ book, fate, concurrency_max })
  const refused = new Map<string, string>()
  /** Whether all that was read shows the same chain, so that one known block of it vouches for those below. */
  let isOneChain = true

  /** Reads an address; gives whether it was read, or whether what was read is of another server, which is behind. */
  const readRecord = async (
    record: AddressRecord,
    { tip: { height }, recent }: ChainEnd,
    depth: number,
    recorded: ReturnType<typeof placesIn>,
  ): Promise<boolean | "denied"> => {
    try {
      const reading = await readAddress(api, record.address, (txid) =>
        book.isFinal(record, txid, height, depth),
      )
      const chain = { tip_height: height, recent, recorded, final_below: height - depth }
      if (deniesChain(reading, record, chain)) return "denied"
      book.merge(record, reading, height - depth)
      for (const txid of reading.transactions.keys()) fate.found(txid)
      return true
    } catch (error) {
      if (!(error instanceof RequestFailed) || error.status !== badRequest) throw error
      refused.set(record.address, error.message)
      return false
    } finally {
      book.wasRead(record)
    }
  }

  const readDue = async (plan: WatchPlan, end: ChainEnd, recorded: ReturnType<typeof placesIn>) => {
    const read = new Set<AddressRecord>()
    const depth = plan.confirmations + reorgMargin
    let denied = false
    const due = book.next(options.addresses_max, openRecords(book, plan))
    const failure = await eachOf(due, concurrency_max, async (record) => {
      if (refused.has(record.address)) return book.wasRead(record)
      const outcome = await readRecord(record, end, depth, recorded)
      if (outcome === "denied") denied = true
      else if (outcome) read.add(record)
    })
    return { due, read, failure, denied }
  }

  return {
    refused,
    reconnected: () => {
      tip.reconnected()
      refused.clear()
    },
    ask: async (plan) => {
      open.note(plan)
      const end = await tip.look()
      const nothing = { end, read: new Set<AddressRecord>(), absent: new Map(), gone: [], complete: false }
      if (!end.believed) return { ...nothing, reasons: end.reasons, failure: null }
      if (end.reorganised || !isOneChain)
        await book.verify(
          ({ height, hash }) => (end.recent.has(height) ? end.recent.get(height) === hash : null),
          ({ hash }) => api.isInBestChain(hash),
        )
      tip.accept(end)
      isOneChain = false
      const recorded = placesIn(plan.expected, { tip_height: end.tip.height, recent: end.recent })
      const { due, read, failure, denied } = await readDue(plan, end, recorded)
      if (failure !== null) return { ...nothing, read, reasons: [...end.reasons, failure.message], failure }
      const named = await open.askNamed(plan, recorded)
      const missing = named.failure === null ? await open.askMissing(due, plan) : null
      const failed = named.failure ?? missing?.failure ?? null
      const moved = failed === null && (await api.blocks())[0].hash !== end.tip.hash
      const astray = denied || named.denied || due.some((record) => isAstray(record, end))
      isOneChain = failed === null && !moved && !astray
      return {
        end,
        read,
        absent: missing?.absent ?? new Map(),
        gone: named.gone,
        complete:
          book.areAll(read) &&
          [...read].every(({ whole, mempool_cut }) => whole && !mempool_cut) &&
          named.open === 0 &&
          missing?.open === 0,
        reasons: [
          ...end.reasons,
          ...(failed === null ? [] : [failed.message]),
          ...(moved || astray ? ["its chain moved while it was asked"] : []),
        ],
        failure: failed,
      }
    },
  }
}

/** Whether an address shows a block that is not in the chain that the round began with. */
const isAstray = (record: AddressRecord, { tip, recent }: ChainEnd): boolean => {
  for (const { block } of record.transactions.values()) {
    if (block === null) continue
    if (block.height > tip.height || (recent.get(block.height) ?? block.hash) !== block.hash) return true
  }
  return false
}
