import { timestamp } from "@landfall/domain/timestamp"
import type { ObserverHealth } from "@landfall/domain/topics/funding-observation"
import type { ChainSighting, SeenOutput } from "@landfall/evaluators/funding/facts"
import type { WatchPlan } from "@landfall/evaluators/funding/watch-plan"
import { backoffDelayMs } from "../net/backoff.ts"
import { type AddressRecord, esploraBook, type KnownTransaction } from "./esplora-book.ts"
import type { Absence } from "./esplora-fate.ts"
import { type EsploraRound, type EsploraRoundsOptions, esploraRounds } from "./esplora-round.ts"
import type { ChainObserver } from "./observer.ts"
import { recordedTipGuard } from "./recorded-tip.ts"

export interface EsploraObserverOptions
  extends Omit<EsploraRoundsOptions, "addresses_max" | "concurrency_max" | "absence_ms">,
    Partial<Pick<EsploraRoundsOptions, "addresses_max" | "concurrency_max" | "absence_ms">> {
  /** A round begins no sooner than this after the one before; polls in between say nothing. 0 unless given. */
  readonly interval_ms?: number
  /** Randomness in [0, 1) for the wait between attempts while the server is away. */
  readonly random: () => number
}

const defaults = {
  /** Public servers ask for moderation: at a poll each second this is some fifty requests a second. */
  addresses_max: 50,
  concurrency_max: 4,
  /** Servers are in step with their node within five seconds. */
  absence_ms: 10_000,
}
const backoff = { base_ms: 500, cap_ms: 30_000 }

/** Sees deposits through an Esplora server: address by address, as many a poll as its budget allows. */
export const esploraObserver = (options: EsploraObserverOptions): ChainObserver => {
  const { now } = options
  const book = esploraBook()
  const rounds = esploraRounds(book, { ...defaults, ...options })
  const recordedTip = recordedTipGuard()
  let failures = 0
  let nextTry_ms = 0
  let health: ObserverHealth = { state: "down", tip_height: null, tip_at: null }
  let lastPoll: string | null = null
  let lastSuccess: string | null = null
  let lastError: string | null = "not asked yet"

  const failed = (error: unknown, state: ObserverHealth["state"]): void => {
    failures++
    nextTry_ms = now() + backoffDelayMs(failures, backoff, options.random)
    rounds.reconnected()
    health = { ...health, state }
    lastError = error instanceof Error ? error.message : String(error)
  }

  const look = async (plan: WatchPlan): Promise<ChainSighting> => {
    const round = await rounds.ask(plan)
    const { end, failure } = round
    const late = recordedTip.behind(end.tip.height, plan.recorded_tip_height)
    const reasons = [...round.reasons, ...(late === null ? [] : [late])]
    health = { ...end.health, state: reasons.length === 0 ? "ok" : "lagging" }
    if (reasons.length === 0) recordedTip.wasOk()
    lastError = reasons.length === 0 ? null : reasons.join("; ")
    if (failure === null) {
      failures = 0
      lastSuccess = timestamp(now())
    } else failed(new Error(lastError ?? failure.message), "lagging")
    const outputs = end.believed ? outputsOf(book, plan, round) : []
    const isRelied = health.state === "ok"
    return {
      source: "esplora",
      health,
      outputs,
      gone: isRelied ? round.gone : [],
      complete: isRelied && round.complete,
    }
  }

  const nothing = (): ChainSighting => ({ source: "esplora", health, outputs: [], gone: [], complete: false })

  return {
    watch: (addresses) => book.watch(addresses.map(({ address }) => address)),
    poll: async (plan) => {
      if (now() < nextTry_ms) return nothing()
      nextTry_ms = now() + (options.interval_ms ?? 0)
      lastPoll = timestamp(now())
      try {
        return await look(plan)
      } catch (error) {
        failed(error, "down")
        return nothing()
      }
    },
    status: () => ({
      health,
      last_poll_at: lastPoll,
      last_success_at: lastSuccess,
      last_error: lastError,
      refused_handles: Object.fromEntries(rounds.refused),
    }),
  }
}

/** What the addresses read in this round show, and what is looked for and was mined before. */
const outputsOf = (
  book: ReturnType<typeof esploraBook>,
  plan: WatchPlan,
  round: EsploraRound,
): ReadonlyArray<SeenOutput> => {
  const outputs: SeenOutput[] = []
  for (const record of round.read)
    for (const known of record.transactions.values()) outputs.push(...seenOutputs(record, known, round))
  for (const txid of new Set(plan.expected.map(({ tx_hash }) => tx_hash)))
    for (const record of book.holding(txid)) {
      const known = record.transactions.get(txid)
      // Whether an unmined one is still in the mempool, only the list of its address says.
      if (round.read.has(record) || known === undefined || known.block === null) continue
      if (!record.missing.has(txid)) outputs.push(...seenOutputs(record, known, round))
    }
  return outputs
}

const seenOutputs = (
  record: AddressRecord,
  { txid, coinbase, outputs, block }: KnownTransaction,
  { end, absent }: EsploraRound,
): ReadonlyArray<SeenOutput> => {
  const absence = absent.get(txid)
  // It should be listed and is not, and nothing can be concluded from that yet.
  if (record.missing.has(txid) && absence === undefined) return []
  if (block !== null && (end.recent.get(block.height) ?? block.hash) !== block.hash) return []
  return outputs.map(({ output_index, amount }) => ({
    tx_hash: txid,
    output_index,
    funding_handle: record.address,
    amount,
    ...(coinbase ? { coinbase } : {}),
    ...(absence !== undefined || block === null
      ? { confirmations: 0, in_mempool: absence === undefined, ...rivalOf(absence) }
      : {
          confirmations: Math.max(1, end.tip.height - block.height + 1),
          block_hash: block.hash,
          block_height: block.height,
          ...(block.time_ms === null ? {} : { chain_time_ms: block.time_ms }),
        }),
  }))
}

const rivalOf = (absence: Absence | undefined) => ({
  ...(absence?.conflicted === true ? { conflicted: true } : {}),
  ...(absence?.successor_tx_hash == null ? {} : { successor_tx_hash: absence.successor_tx_hash }),
})
