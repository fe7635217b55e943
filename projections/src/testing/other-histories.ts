import { amount } from "@landfall/domain/amount"
import { deterministicId } from "@landfall/domain/deterministic-id"
import { type IntentInventory, inventorySnapshotId } from "@landfall/domain/topics/intent-inventory"
import { handleActionId, type LiquidityAction } from "@landfall/domain/topics/liquidity-action"
import { type MarketPrice, priceEventId } from "@landfall/domain/topics/market-price"
import { type TradeResult, tradeResultId } from "@landfall/domain/topics/trade-result"
import fc from "fast-check"
import { interleaved } from "./interleave.ts"
import { account, handle, hashOf, nearbyTime, pair, storyTime, units } from "./pools.ts"

const lengthMax = 20

/** One event for each id: the same id with other content never reaches a projection. */
const distinct = <Event>(event: fc.Arbitrary<Event>, id: (event: Event) => string) =>
  fc.uniqueArray(event, { selector: id, maxLength: lengthMax })

const handleAction = fc
  .tuple(
    fc.constantFrom("deposit_handle_issued" as const, "deposit_handle_retired" as const),
    handle,
    nearbyTime,
  )
  .map(
    ([action, subject, occurred_at]): LiquidityAction => ({
      liquidity_action_id: handleActionId(action, subject, occurred_at),
      ...subject,
      action,
      occurred_at,
    }),
  )

const withdrawalAction = fc
  .tuple(
    fc.constantFrom(
      "withdrawal_requested" as const,
      "withdrawal_settled" as const,
      "withdrawal_failed" as const,
    ),
    handle,
    fc.nat({ max: 999 }),
    units,
    nearbyTime,
  )
  .map(
    ([action, { account_id, chain, asset_id }, serial, value, occurred_at]): LiquidityAction => ({
      liquidity_action_id: deterministicId("liquidity_action", action, account_id, serial),
      account_id,
      action,
      asset_id,
      chain,
      amount: amount(value),
      ...(action === "withdrawal_settled" && { tx_hash: hashOf(chain, serial) }),
      occurred_at,
    }),
  )

/** Histories of `ops.liquidity_action`: handles issued, retired and issued again at near or equal times, and withdrawals. */
export const liquidityHistory: fc.Arbitrary<ReadonlyArray<LiquidityAction>> = distinct(
  fc.oneof({ arbitrary: handleAction, weight: 3 }, { arbitrary: withdrawalAction, weight: 1 }),
  (action) => action.liquidity_action_id,
)

const price = fc
  .record({
    pair,
    price: fc.tuple(fc.nat({ max: 99_999 }), fc.integer({ min: 1, max: 9 })).map((parts) => parts.join(".")),
    source: fc.constantFrom("kraken", "coinbase"),
    observed_at: nearbyTime,
  })
  .map(
    (quote): MarketPrice => ({
      price_event_id: priceEventId(quote.pair, quote.source, quote.observed_at),
      ...quote,
    }),
  )

/** Histories of `ref.market_price`: several sources, equal and late times. */
export const priceHistory: fc.Arbitrary<ReadonlyArray<MarketPrice>> = distinct(
  price,
  (quote) => quote.price_event_id,
)

const balances = fc.uniqueArray(
  fc
    .record({
      asset_id: fc.constantFrom("btc", "eure"),
      spendable: units,
      pending_inbound: units,
      credited: units,
    })
    .map((held) => ({
      asset_id: held.asset_id,
      spendable: amount(held.spendable),
      pending_inbound: amount(held.pending_inbound),
      credited: amount(held.credited),
    })),
  { selector: (held) => held.asset_id, maxLength: 2 },
)

const inventory = fc.record({ account_id: account, observed_at: nearbyTime, balances }).map(
  (held): IntentInventory => ({
    inventory_snapshot_id: inventorySnapshotId(held.account_id, held.observed_at),
    ...held,
  }),
)

/** Histories of `state.intent_inventory`: snapshots in and out of order, empty ones too. */
export const inventoryHistory: fc.Arbitrary<ReadonlyArray<IntentInventory>> = distinct(
  inventory,
  (held) => held.inventory_snapshot_id,
)

const endings: ReadonlyArray<ReadonlyArray<TradeResult["status"]>> = [
  ["submitted"],
  ["submitted", "accepted"],
  ["submitted", "accepted", "settled"],
  ["submitted", "accepted", "failed"],
  ["submitted", "rejected"],
  ["submitted", "failed"],
]

const command = fc.record({
  pair,
  ending: fc.constantFrom(...endings),
  start_s: fc.nat({ max: 20 }),
  error: fc.option(fc.constantFrom("RELAY_DOWN", "SLIPPAGE"), { nil: undefined }),
})

/** Histories of `exec.trade_result`: each command is submitted and ends well or badly, with and without an error code. */
export const tradeHistory: fc.Arbitrary<ReadonlyArray<TradeResult>> = interleaved(
  fc.array(command, { maxLength: 8 }).map((commands) =>
    commands.map(({ pair, ending, start_s, error }, serial) =>
      ending.map((status, place): TradeResult => {
        const bad = status === "failed" || status === "rejected"
        return {
          trade_result_id: tradeResultId(`command-${serial}`, status),
          command_id: `command-${serial}`,
          pair,
          status,
          ...(bad && error !== undefined && { error_code: error, error_message: `the relay said ${error}` }),
          occurred_at: storyTime(start_s + place),
        }
      }),
    ),
  ),
)
