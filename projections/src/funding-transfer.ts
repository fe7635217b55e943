import { fields } from "@landfall/domain/column"
import { Count } from "@landfall/domain/text"
import {
  FundingObservation,
  fundingObservationId,
  fundingObservationTopic,
} from "@landfall/domain/topics/funding-observation"
import { Schema } from "effect"
import { defineProjection } from "./projection.ts"

/** An inbound transfer: its latest observation, with the first hash and first sight kept for ever. */
export const FundingTransfer = Schema.Struct({
  ...FundingObservation.fields,
  /** How many observations were folded into the row. */
  observations: Count,
})
export type FundingTransfer = typeof FundingTransfer.Type

/** A transfer with more observations than this is one that somebody made up: its ids are not listed. */
const revisionsMax = 10_000

/** Latest known state of each inbound transfer. The first hash and first sight are kept for ever. */
export const fundingTransfer = defineProjection<FundingTransfer, FundingObservation>({
  name: "funding_transfer",
  list: "transfers",
  version: 1,
  topic: fundingObservationTopic,
  key: (seen) => seen.transfer_id,
  keyColumns: ["transfer_id"],
  findBy: ["funding_handle", "tx_hash"],
  eventIds: ({ transfer_id, revision, observations, funding_observation_id }) => {
    const follows = funding_observation_id === fundingObservationId(transfer_id, revision)
    if (!follows || observations !== revision || revision > revisionsMax) return null
    return Array.from({ length: revision }, (_, before) => fundingObservationId(transfer_id, before + 1))
  },
  evolve: (row, seen) => {
    if (row === null) return { ...seen, observations: 1 }
    if (seen.revision <= row.revision) return row
    return {
      ...seen,
      tx_hash: row.tx_hash ?? seen.tx_hash,
      first_seen_at: row.first_seen_at,
      observations: row.observations + 1,
    }
  },
  row: FundingTransfer,
  columns: fields<FundingTransfer>({
    funding_observation_id: "uuid",
    transfer_id: "uuid",
    revision: "integer",
    account_id: "text",
    asset_id: "text",
    chain: "text",
    funding_handle: "text",
    source: "text",
    tx_hash: "text",
    output_index: "integer",
    status: "text",
    amount: "numeric",
    confirmations: "integer",
    confirmations_required: "integer",
    first_seen_at: "timestamptz",
    last_seen_at: "timestamptz",
    block_hash: "text",
    block_height: "integer",
    credited_at: "timestamptz",
    bridge_deposit_tx_hash: "text",
    bridge_status: "text",
    match: "text",
    successor_tx_hash: "text",
    below_minimum: "boolean",
    observer: "json",
    cause: "text",
    observations: "integer",
  }),
})
