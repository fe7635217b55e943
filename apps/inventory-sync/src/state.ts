import type { PollingStatus } from "@landfall/adapters/polling/polling-publisher"
import { publishingFields, ShownHealth, shownPublishing } from "@landfall/adapters/polling/service"
import { type Source, shownHealth } from "@landfall/adapters/polling/source"
import type { VerifierBalances } from "@landfall/adapters/verifier/verifier"
import { epochMs } from "@landfall/domain/timestamp"
import { IntentInventory } from "@landfall/domain/topics/intent-inventory"
import { Schema } from "effect"
import type { BridgeReport } from "./inventory-poll.ts"
import { ShownVisibility, type Visibility } from "./visibility.ts"

export interface StateOptions {
  readonly account_id: string
  readonly status: PollingStatus<IntentInventory>
  readonly sources: {
    readonly verifier: Source<VerifierBalances>
    readonly bridge: Source<BridgeReport>
  }
  /** Assets that the bridge reports and the inventory does not list. */
  readonly unlisted_assets: ReadonlyArray<string>
  readonly visibility: Visibility
  readonly now_ms: number
}

/** As many as anyone reads at once; {@link listUrls} says where all are. */
const rows_max = 20

/** Where all of each list is of which `/state` shows the beginning. */
export const listUrls = {
  unreadable_deposits: "/v1/unreadable-deposits",
  unlisted_assets: "/v1/unlisted-assets",
} as const

/** The `/state` document: the inventory as published with its age, what is on its way apart from it, and the sources. */
export const stateOf = ({
  account_id,
  status,
  sources,
  visibility,
  now_ms,
  unlisted_assets,
}: StateOptions) => {
  const published = status.published.get(account_id) ?? null
  const held = sources.verifier.last()
  const problems = sources.bridge.last()?.problems ?? []
  return {
    account_id,
    ...shownPublishing(status),
    inventory: published,
    inventory_age_seconds:
      published === null ? null : Math.max(0, now_ms - epochMs(published.observed_at)) / 1000,
    funding_visibility: visibility.shown(),
    sources: {
      verifier: {
        ...shownHealth(sources.verifier.health()),
        block_height: held?.block_height ?? null,
        block_hash: held?.block_hash ?? null,
      },
      bridge: {
        ...shownHealth(sources.bridge.health()),
        deposits: sources.bridge.last()?.deposits.length ?? null,
        unreadable_deposits_total: problems.length,
        unreadable_deposits: problems.slice(0, rows_max),
        unlisted_assets_total: unlisted_assets.length,
        unlisted_assets: unlisted_assets.slice(0, rows_max),
      },
    },
    whole_lists: listUrls,
  }
}

/** What {@link stateOf} gives, for the documentation. */
export const StateDocument = Schema.Struct({
  as_of: Schema.String,
  clock_skew_seconds: Schema.Number,
  behind_seconds: Schema.Record(Schema.String, Schema.NullOr(Schema.Number)),
  account_id: Schema.String,
  ...publishingFields,
  inventory: Schema.NullOr(IntentInventory),
  inventory_age_seconds: Schema.NullOr(Schema.Number),
  funding_visibility: ShownVisibility,
  sources: Schema.Struct({
    verifier: Schema.Struct({
      ...ShownHealth.fields,
      block_height: Schema.NullOr(Schema.Int),
      block_hash: Schema.NullOr(Schema.String),
    }),
    bridge: Schema.Struct({
      ...ShownHealth.fields,
      deposits: Schema.NullOr(Schema.Int),
      unreadable_deposits_total: Schema.Int,
      unreadable_deposits: Schema.Array(Schema.String),
      unlisted_assets_total: Schema.Int,
      unlisted_assets: Schema.Array(Schema.String),
    }),
  }),
  whole_lists: Schema.Record(Schema.String, Schema.String),
})
