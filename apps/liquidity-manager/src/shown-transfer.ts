import { FundingTransfer } from "@landfall/projections/funding-transfer"
import { Schema } from "effect"

const {
  funding_observation_id: _id,
  chain: _chain,
  observer: _observer,
  observations: _count,
  ...fields
} = FundingTransfer.fields

/** What is shown of a transfer: its latest observation, without what the chain's own entry says already. */
export const ShownTransfer = Schema.Struct(fields)
export type ShownTransfer = typeof ShownTransfer.Type

/** A transfer as it is shown. */
export const shownTransfer = (row: FundingTransfer): ShownTransfer => {
  const { funding_observation_id: _1, chain: _2, observer: _3, observations: _4, ...rest } = row
  return rest
}
