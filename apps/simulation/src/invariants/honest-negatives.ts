import { epochMs } from "@landfall/domain/timestamp"
import { type FundingObservation, fundingObservationTopic } from "@landfall/domain/topics/funding-observation"
import { type SimulatedChain, standingOf } from "../world/chain.ts"
import { clockError_ms } from "./clocks.ts"
import type { Invariant } from "./invariant.ts"
import { recordsOf } from "./records.ts"

/** What a deposit is called that is not on its way any more. */
export const negative: ReadonlySet<string> = new Set(["replaced", "conflicted", "dropped", "reorged"])

/** A node's answer may be that old when it is decided upon. */
const answerAge_ms = { one: 1_000, slow: 13_000 }

/**
 * A deposit is said to be gone only by an observer that was well, and only when it was: the chain had been in a state
 * that says so since the answer was given.
 */
export const honestNegatives: Invariant = function* ({ kafka, bitcoin, gnosis, plan }) {
  const before = new Map<string, FundingObservation>()
  const age_ms =
    plan.slowNodes || plan.pause > 0 ? answerAge_ms.slow + (plan.pause > 0 ? 60_000 : 0) : answerAge_ms.one
  const error_ms = plan.clocks === null ? 0 : clockError_ms
  for (const { record, inTransaction } of recordsOf<FundingObservation>(kafka, fundingObservationTopic)) {
    // What the world delivers again was said before.
    if (!inTransaction) continue
    const previous = before.get(record.transfer_id)
    before.set(record.transfer_id, record)
    if (!negative.has(record.status) || previous?.status === record.status) continue
    const what = `${record.tx_hash}:${record.output_index} was called ${record.status} in revision ${record.revision}`
    if (record.observer.state !== "ok") yield `${what} while its observer was ${record.observer.state}`
    const chain = record.chain === "bitcoin" ? bitcoin : gnosis
    const at_ms = epochMs(record.last_seen_at)
    const block = previous?.block_hash
    const views = viewsBetween(chain, at_ms - age_ms - error_ms, at_ms + error_ms)
    const isTrue = views.some((view) => {
      // Of a transfer that the bridge named first, the chain has the successor.
      const hashes = [record.tx_hash, previous?.successor_tx_hash, record.successor_tx_hash].filter(
        (hash) => hash != null,
      )
      const standings = hashes
        .filter((hash) => view.transactions.has(hash))
        .map((hash) => standingOf(view, hash))
      const [own] = standings
      if (own === undefined || own.kind === "gone") return true
      if (record.status !== "reorged") return false
      return own.kind === "mempool" || own.block.hash !== block
    })
    if (!isTrue) yield `${what} at ${record.last_seen_at}, though it was there all the time`
  }
}

const viewsBetween = ({ history }: SimulatedChain, from_ms: number, to_ms: number) => {
  const first = history.findLastIndex(({ at_ms }) => at_ms < from_ms)
  return history
    .slice(Math.max(0, first))
    .filter(({ at_ms }) => at_ms <= to_ms)
    .map(({ view }) => view)
}
