import type { Position } from "@landfall/domain/position"
import type { FundingHandle } from "@landfall/projections/funding-handle"
import type { FundingTransfer } from "@landfall/projections/funding-transfer"
import { uncreditedTotals } from "@landfall/projections/uncredited"
import type { BridgeWatch } from "./bridge-watch.ts"
import { correlationOf } from "./correlation.ts"
import { listUrls } from "./list-routes.ts"
import type { Manager } from "./manager.ts"
import type { PausableObserver } from "./pause.ts"
import { shownTransfer } from "./shown-transfer.ts"

/** What `/state` shows of each list; the pages under `/v1` have all of it. */
const perHandleMax = 20
const handlesMax = 500
const rowsMax = 200

const newestFirst = (left: FundingTransfer, right: FundingTransfer): number =>
  left.last_seen_at < right.last_seen_at ? 1 : left.last_seen_at > right.last_seen_at ? -1 : 0

const byHandle = (transfers: Iterable<FundingTransfer>) => {
  const groups = Map.groupBy([...transfers].sort(newestFirst), (row) => row.funding_handle)
  return Object.fromEntries(
    Array.from(
      groups,
      ([handle, rows]) => [handle, rows.slice(0, perHandleMax).map(shownTransfer)] as const,
    ).slice(0, handlesMax),
  )
}

const lastIssuedFirst = (left: FundingHandle, right: FundingHandle): number =>
  (left.issued_at ?? "") < (right.issued_at ?? "") ? 1 : left.issued_at === right.issued_at ? 0 : -1

/** Addresses by chain and asset, the last issued first. */
const handlesByAsset = (active: ReadonlyArray<FundingHandle>) => {
  const byChain = Map.groupBy(active.toSorted(lastIssuedFirst), (handle) => handle.chain)
  return Object.fromEntries(
    Array.from(byChain, ([chain, handles]) => {
      const byAsset = Map.groupBy(handles, (handle) => handle.asset_id)
      return [
        chain,
        Object.fromEntries(
          Array.from(byAsset, ([asset, issued]) => [
            asset,
            issued.slice(0, handlesMax).map((handle) => handle.funding_handle),
          ]),
        ),
      ]
    }),
  )
}

const correlation = (manager: Manager, bridge: BridgeWatch) => {
  const { matched, unmatchedDeposits, unmatchedTransfers } = correlationOf(manager, bridge)
  return {
    matched_total: matched.length,
    matched: matched.slice(0, rowsMax),
    unmatched_bridge_deposits_total: unmatchedDeposits.length,
    unmatched_bridge_deposits: unmatchedDeposits.slice(0, rowsMax),
    unmatched_funding_observations_total: unmatchedTransfers.length,
    unmatched_funding_observations: unmatchedTransfers.slice(0, rowsMax),
  }
}

/** How the observers stand, by chain. */
export const observersOf = (observers: ReadonlyArray<PausableObserver>) =>
  Object.fromEntries(
    observers.map((observer) => {
      const { health, paused, ...rest } = observer.status()
      return [observer.chain, { healthy: health.state === "ok", paused, ...health, ...rest }]
    }),
  )

/** The `/state` document. */
export const stateOf = (
  manager: Manager,
  observers: ReadonlyArray<PausableObserver>,
  bridge: BridgeWatch,
) => {
  const transfers = [...manager.state().transfers.values()]
  const active = [...manager.state().handles.values()].filter((handle) => handle.active)
  return {
    trouble: manager.trouble(),
    last_round_at: manager.lastRoundAt(),
    active_funding_handles_total: active.length,
    active_funding_handles: handlesByAsset(active),
    funding_observations_total: transfers.length,
    funding_observations_by_handle: byHandle(transfers),
    latest_funding_observation_at: transfers.reduce<string | null>(
      (latest, { last_seen_at }) => (latest === null || last_seen_at > latest ? last_seen_at : latest),
      null,
    ),
    uncredited_funding_total_by_asset: Object.fromEntries(uncreditedTotals(transfers)),
    credit_correlation: correlation(manager, bridge),
    funding_observers: observersOf(observers),
    bridge: bridge.status(),
    whole_lists: listUrls,
  }
}

const secondsSince = (at: string | null, now_ms: number): number | null =>
  at === null ? null : Math.max(0, (now_ms - Date.parse(at)) / 1000)

/** Where an answer stands: how far the topics were read, and how old the word of each source is. */
export const standingOf = (
  manager: Manager,
  observers: ReadonlyArray<PausableObserver>,
  bridge: BridgeWatch,
  now_ms: number,
): { readonly position: Position; readonly behind_seconds: Readonly<Record<string, number | null>> } => ({
  position: manager.state().position,
  behind_seconds: {
    ...Object.fromEntries(
      observers.map((observer) => [observer.chain, secondsSince(observer.status().last_success_at, now_ms)]),
    ),
    bridge: secondsSince(bridge.status().last_success_at, now_ms),
  },
})

/** Ready once the topics were read to their end and a first round was made. */
export const readinessOf = (manager: Pick<Manager, "trouble">) => {
  const trouble = manager.trouble()
  return { ready: trouble === null, reasons: trouble === null ? [] : [trouble] }
}
