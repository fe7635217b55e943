import { Amount } from "@landfall/domain/amount"
import { Chain, Match } from "@landfall/domain/topics/funding-observation"
import { correlate } from "@landfall/evaluators/funding/correlate"
import type { BridgeDeposit } from "@landfall/evaluators/funding/facts"
import { bridgeRowTransferId } from "@landfall/evaluators/funding/identity"
import { Schema } from "effect"
import type { BridgeWatch } from "./bridge-watch.ts"
import type { Manager } from "./manager.ts"

/** A row of the bridge's `recent_deposits` as it is shown. */
export const ShownDeposit = Schema.Struct({
  tx_hash: Schema.NullOr(Schema.String),
  chain: Chain,
  asset_id: Schema.String,
  address: Schema.NullOr(Schema.String),
  amount: Amount,
  account_id: Schema.String,
  status: Schema.String,
  created_at_ms: Schema.optionalKey(Schema.Int),
})

/** A bridge row and the transfers it stands for. */
export const MatchedCredit = Schema.Struct({
  transfer_ids: Schema.NonEmptyArray(Schema.String),
  match: Schema.NullOr(Match),
  bridge_deposit: ShownDeposit,
})

/** A bridge row that belongs to no transfer. */
export const UnmatchedDeposit = Schema.Struct({
  /** Names the row: the same row has the same name for as long as the bridge lists it. */
  bridge_deposit_id: Schema.String,
  reason: Schema.Literals(["no_candidate", "ambiguous"]),
  ...ShownDeposit.fields,
})

/** What the bridge's rows and the transfers say about each other now; each list in the order of its ids. */
export interface CreditCorrelation {
  readonly matched: ReadonlyArray<typeof MatchedCredit.Type>
  readonly unmatchedDeposits: ReadonlyArray<typeof UnmatchedDeposit.Type>
  readonly unmatchedTransfers: ReadonlyArray<string>
}

/** Names rows: of those that are alike, the first, the second and so on. */
const naming = (): ((row: BridgeDeposit) => string) => {
  const alike = new Map<string, number>()
  return (row) => {
    const first = bridgeRowTransferId(row, 0)
    const nth = alike.get(first) ?? 0
    alike.set(first, nth + 1)
    return nth === 0 ? first : bridgeRowTransferId(row, nth)
  }
}

const byText = (left: string, right: string): number => (left < right ? -1 : left > right ? 1 : 0)

/** Correlates what is recorded with what the bridge said last. */
export const correlationOf = (manager: Manager, bridge: BridgeWatch): CreditCorrelation => {
  const found = correlate(manager.state().transfers, bridge.rows(), manager.policy())
  const nameOf = naming()
  return {
    matched: found.matches
      .map(({ transfer_ids, row, match }) => ({ transfer_ids, match, bridge_deposit: row }))
      .sort((left, right) => byText(left.transfer_ids[0], right.transfer_ids[0])),
    unmatchedDeposits: found.unmatchedRows
      .map(({ row, reason }) => ({ bridge_deposit_id: nameOf(row), reason, ...row }))
      .sort((left, right) => byText(left.bridge_deposit_id, right.bridge_deposit_id)),
    unmatchedTransfers: found.unmatchedTransfers().toSorted(byText),
  }
}
