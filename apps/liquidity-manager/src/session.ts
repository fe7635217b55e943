import type { OutgoingMessage } from "@landfall/adapters/kafka/publisher"
import { recordEncoder } from "@landfall/domain/codec"
import { furthest, type Position } from "@landfall/domain/position"
import { type FundingObservation, fundingObservationTopic } from "@landfall/domain/topics/funding-observation"
import { type LiquidityAction, liquidityActionTopic } from "@landfall/domain/topics/liquidity-action"
import { foldInto } from "@landfall/projections/fold"
import { type FundingHandle, fundingHandle } from "@landfall/projections/funding-handle"
import { type FundingTransfer, fundingTransfer } from "@landfall/projections/funding-transfer"
import type { TailedRecord } from "./tail.ts"

/** The state that decisions rest on: what is in the topics, folded. */
export interface FundingState {
  readonly transfers: Map<string, FundingTransfer>
  readonly handles: Map<string, FundingHandle>
  /** How far the topics have been read. */
  position: Position
}

const encodeObservation = recordEncoder(fundingObservationTopic)
const encodeAction = recordEncoder(liquidityActionTopic)

/** What one round publishes, whole or not at all. */
export interface Publication {
  readonly actions: ReadonlyArray<LiquidityAction>
  readonly observations: ReadonlyArray<FundingObservation>
}

/** The messages of a publication. */
export const messagesOf = ({ actions, observations }: Publication): ReadonlyArray<OutgoingMessage> => [
  ...actions.map((action) => ({
    topic: liquidityActionTopic.name,
    key: liquidityActionTopic.key(action),
    value: encodeAction(action),
  })),
  ...observations.map((observation) => ({
    topic: fundingObservationTopic.name,
    key: fundingObservationTopic.key(observation),
    value: encodeObservation(observation),
  })),
]

/** Folds what was committed. The same records come again through the tail and change nothing then. */
export const foldPublication = (state: FundingState, { actions, observations }: Publication): void => {
  foldInto(fundingHandle, state.handles, actions)
  foldInto(fundingTransfer, state.transfers, observations)
}

/**
 * Folds what was read from the topics, and returns the observations that were not known and are not being published by
 * this process: another one published them.
 */
export const foldTail = (
  state: FundingState,
  records: ReadonlyArray<TailedRecord>,
  publishing: ReadonlySet<string>,
): ReadonlyArray<FundingObservation> => {
  const read: Record<string, Record<string, number>> = {}
  const foreign: FundingObservation[] = []
  for (const { topic, partition, next, record } of records) {
    read[topic] ??= {}
    read[topic][String(partition)] = next
    if (record === null) continue
    if (topic === liquidityActionTopic.name)
      foldInto(fundingHandle, state.handles, [record as LiquidityAction])
    if (topic !== fundingObservationTopic.name) continue
    const seen = record as FundingObservation
    const known = (state.transfers.get(seen.transfer_id)?.revision ?? 0) >= seen.revision
    if (!known && !publishing.has(seen.funding_observation_id)) foreign.push(seen)
    foldInto(fundingTransfer, state.transfers, [seen])
  }
  if (records.length > 0) state.position = furthest(state.position, read)
  return foreign
}

/** Parts of at most `size` items, in order. */
export const inParts = <Item>(items: ReadonlyArray<Item>, size: number): ReadonlyArray<ReadonlyArray<Item>> =>
  Array.from({ length: Math.ceil(items.length / size) }, (_, part) =>
    items.slice(part * size, (part + 1) * size),
  )
