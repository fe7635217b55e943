import type { FundingObservation } from "@landfall/domain/topics/funding-observation"
import fc from "fast-check"
import type { FundingTransfer } from "../funding-transfer.ts"
import type { Projection } from "../projection.ts"
import type { History } from "../testing/generators.ts"

/**
 * Once known, the `tx_hash` and `first_seen_at` of a transfer never change, whatever later observations say.
 * For any projection of `ops.funding_observation` whose rows have these fields.
 */
export const firstKnownIsKept = <Row extends Pick<FundingTransfer, "tx_hash" | "first_seen_at">>(
  projection: Projection<Row, FundingObservation>,
  history: History<FundingObservation>,
): fc.IProperty<unknown> =>
  fc.property(history, (events) => {
    const rows = new Map<string, Row>()
    for (const event of events) {
      const key = projection.key(event)
      const before = rows.get(key) ?? null
      const after = projection.evolve(before, event)
      if (after === null) continue
      rows.set(key, after)
      if (before === null) continue
      if (before.tx_hash !== null && after.tx_hash !== before.tx_hash)
        throw new Error(`${key}: tx_hash went from ${before.tx_hash} to ${after.tx_hash}`)
      if (after.first_seen_at !== before.first_seen_at)
        throw new Error(`${key}: first_seen_at went from ${before.first_seen_at} to ${after.first_seen_at}`)
    }
  })
