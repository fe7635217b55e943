import { timestamp } from "@landfall/domain/timestamp"
import { type FundingObservation, fundingObservationTopic } from "@landfall/domain/topics/funding-observation"
import { fold, type ReadEvent } from "@landfall/evaluators/alerts/evaluator"
import { tickLoad } from "@landfall/evaluators/alerts/load"
import type { WatchedTransfer } from "@landfall/evaluators/alerts/reads/transfer"

/** What one event costs while so many subjects wait. */
export interface EventCost {
  readonly subjects: number
  readonly took_us: number
  /** Items that the queue of deadlines moved for it on average: what it costs without a clock. */
  readonly moves: number
  /** The same of the event that moved the most. */
  readonly moves_max: number
}

/** Subjects that change again and again, spread over all: with so many of them the same happens in a queue of any length. */
const changing = 1_000

/**
 * Folds events that change deadlines: each takes a transfer from the mempool into a block, confirmed, or back out of it,
 * so that it is taken from where it waits and put where it belongs now.
 */
export const eventCost = (subjects: number, events: number): EventCost => {
  const load = tickLoad(subjects, 0)
  const source = load.state.sources.find(({ topic }) => topic === fundingObservationTopic.name)
  if (source === undefined) throw new Error("no rule reads transfers")
  const rows = [...source.subjects.values()].map(({ row }) => (row as WatchedTransfer).transfer)
  const prepared: ReadEvent[] = []
  for (let made = 0; made < events; made++) {
    const row = rows[(made % changing) * (rows.length / changing)] as WatchedTransfer["transfer"]
    const round = Math.floor(made / changing) + 2
    const at_ms = load.input.now_ms + made
    const record: FundingObservation = {
      ...row,
      funding_observation_id: `00000003-0000-5000-8000-${made.toString(16).padStart(12, "0")}`,
      revision: round,
      status: round % 2 === 0 ? "confirmed" : "seen",
      last_seen_at: timestamp(at_ms),
    }
    prepared.push({
      topic: fundingObservationTopic.name,
      partition: 0,
      offset: subjects + made,
      kafka_ms: at_ms,
      record,
    })
  }
  const { moves } = source.queue
  const before = moves()
  let last = before
  let moves_max = 0
  const began_ms = performance.now()
  for (const event of prepared) {
    fold(load.state, event)
    moves_max = Math.max(moves_max, moves() - last)
    last = moves()
  }
  const took_ms = performance.now() - began_ms
  return { subjects, took_us: (took_ms * 1000) / events, moves: (last - before) / events, moves_max }
}
