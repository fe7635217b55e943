import type { GoneOutput } from "@landfall/evaluators/funding/facts"
import type { ExpectedOutput, WatchPlan } from "@landfall/evaluators/funding/watch-plan"
import type { AddressRecord, EsploraBook } from "./esplora-book.ts"
import { type Absence, type Fates, missingOf } from "./esplora-fate.ts"
import { eachOf, turns } from "./esplora-work.ts"

export interface OpenQuestionsOptions {
  readonly book: EsploraBook
  readonly fate: Fates
  /** Requests at once. */
  readonly concurrency_max: number
}

/** What became of transfers that should be there and that no list shows. */
export interface OpenQuestions {
  /** Recorded transfers are looked for until that led to something, also when blocks bury them meanwhile. */
  readonly note: (plan: WatchPlan) => void
  /** Asks for those of which only the name is known. `open` counts those that are still in doubt. */
  readonly askNamed: (
    plan: WatchPlan,
    /** Those whose block is in the newest part of the chain. */
    recorded: ReadonlyMap<string, unknown>,
  ) => Promise<{
    readonly gone: ReadonlyArray<GoneOutput>
    readonly open: number
    /** A server that is behind answered: it lacks in a block what is there. */
    readonly denied: boolean
    readonly failure: Error | null
  }>
  /** Asks for those that the records lack. */
  readonly askMissing: (
    records: Iterable<AddressRecord>,
    plan: WatchPlan,
  ) => Promise<{
    readonly absent: ReadonlyMap<string, Absence>
    readonly open: number
    readonly failure: Error | null
  }>
}

/** Transactions asked about by name in one round. */
const askedMax = 20
/** So long is said of a transaction that it is gone; should it come back later, its address shows it. */
const toldMs = 3_600_000

/** Questions about the transactions of one book. */
export const openQuestions = ({ book, fate, concurrency_max }: OpenQuestionsOptions): OpenQuestions => {
  const missingTurns = turns()
  const namedTurns = turns()
  const unresolved = new Map<string, ReadonlyArray<ExpectedOutput>>()

  const note = ({ expected }: WatchPlan): void => {
    for (const output of expected) {
      const known = unresolved.get(output.tx_hash) ?? []
      const isNew = known.every(({ output_index }) => output_index !== output.output_index)
      if (isNew) unresolved.set(output.tx_hash, [...known, output])
    }
  }

  /** Asks for transfers that are recorded and that no address shows, as those that are gone since a restart. */
  const askNamed: OpenQuestions["askNamed"] = async (plan, recorded) => {
    let denied = false
    for (const txid of unresolved.keys()) if (book.holding(txid).length > 0) unresolved.delete(txid)
    const gone = new Map<string, ReadonlyArray<ExpectedOutput>>()
    const failure = await eachOf(
      namedTurns.take(unresolved.keys(), askedMax),
      concurrency_max,
      async (txid) => {
        const answer = await fate.ofNamed(txid)
        if (recorded.has(txid) && (answer === null || answer === "gone" || answer.block === null)) {
          denied = true
          fate.found(txid)
          return
        }
        if (answer === null) return
        const outputs = unresolved.get(txid) ?? []
        if (answer === "gone") {
          gone.set(txid, outputs)
          return
        }
        // It may pay no address that is watched here; then nobody waits for it.
        unresolved.delete(txid)
        for (const { output_index } of outputs) {
          const record = book.recordOf(answer.outputs[output_index]?.address ?? "")
          if (record !== undefined) book.put(record, answer)
        }
      },
    )
    const open = unresolved.size - gone.size
    for (const txid of gone.keys()) if (isForgettable(txid, plan)) forget(txid)
    const named = [...gone.values()].flat().map(({ tx_hash, output_index }) => ({ tx_hash, output_index }))
    return { gone: named, open, failure, denied }
  }

  /** Nobody looks for it any more, and it was said often enough that it is gone. */
  const isForgettable = (txid: string, { expected }: WatchPlan): boolean =>
    fate.missedForMs(txid) >= toldMs && expected.every(({ tx_hash }) => tx_hash !== txid)

  const forget = (txid: string): void => {
    for (const record of book.holding(txid)) book.forget(record, txid)
    unresolved.delete(txid)
    fate.found(txid)
  }

  const askMissing = async (records: Iterable<AddressRecord>, plan: WatchPlan) => {
    const missing = missingOf(records)
    const absent = new Map<string, Absence>()
    const failure = await eachOf(
      missingTurns.take(missing.keys(), askedMax),
      concurrency_max,
      async (txid) => {
        const known = missing.get(txid)
        const absence = known === undefined ? null : await fate.ofMissing(known)
        if (absence !== null) absent.set(txid, absence)
      },
    )
    const isOpen = (txid: string) =>
      !absent.has(txid) && book.holding(txid).some((record) => record.missing.has(txid))
    const open = [...missing.keys()].filter(isOpen).length
    for (const txid of absent.keys()) if (isForgettable(txid, plan)) forget(txid)
    return { absent, open, failure }
  }

  return { note, askNamed, askMissing }
}
