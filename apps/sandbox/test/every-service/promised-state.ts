/** What `/state` must have, as paths; what people and programs rely on by these names. */
export const promised: Readonly<Record<string, ReadonlyArray<string>>> = {
  "history-writer": ["position", "funding_observations", "ops_alerts"],
  "inventory-sync": [
    "behind_seconds.verifier",
    "behind_seconds.bridge",
    "account_id",
    "paused",
    "inventory",
    "inventory_age_seconds",
    "funding_visibility.pre_credit_inbound",
    "funding_visibility.state",
    "sources.verifier.block_height",
    "sources.bridge.state",
    "publishing.state",
    "last_poll_error",
    "whole_lists.unreadable_deposits",
  ],
  "liquidity-manager": [
    "position",
    "behind_seconds.bridge",
    "active_funding_handles",
    "funding_observations_by_handle",
    "latest_funding_observation_at",
    "uncredited_funding_total_by_asset",
    "credit_correlation",
    "funding_observers.bitcoin.healthy",
    "funding_observers.bitcoin.paused",
    "funding_observers.bitcoin.last_error",
    "funding_observers.gnosis.state",
  ],
  "market-reference-ingest": [
    "behind_seconds.ticker",
    "paused",
    "prices.0.pair",
    "prices.0.price",
    "prices.0.observed_at",
    "prices.0.age_seconds",
    "prices.0.problem",
    "ticker.state",
    "ticker.last_error",
    "publishing.state",
  ],
  "ops-sentinel": [
    "position",
    "behind_seconds",
    "paused",
    "active_alerts",
    "latest_cleared_alerts",
    "evaluations",
  ],
}

/** Whether the document has the path, be it with null. */
export const has = (document: unknown, path: string): boolean => {
  let at = document
  for (const name of path.split(".")) {
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, name)) return false
    at = Reflect.get(at, name)
  }
  return true
}
