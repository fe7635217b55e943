import fc from "fast-check"
import { amount } from "../src/amount.ts"
import { isPlain, textLengthMax } from "../src/text.ts"
import { timestamp } from "../src/timestamp.ts"

/** Any text that a record may carry: all of Unicode that prints on one line. */
const anyText = (minLength: number, maxLength: number) =>
  fc
    .string({ unit: "binary", minLength, maxLength: Math.min(maxLength, 40) })
    .filter((text) => isPlain(text) && text.length >= minLength && text.length <= maxLength)

const text = anyText(1, textLengthMax)
const longText = anyText(0, 4096)
const hexadecimal = (length: number) =>
  fc.string({ unit: fc.constantFrom(..."0123456789abcdef"), minLength: length, maxLength: length })
const hash = fc.tuple(fc.constantFrom("", "0x"), hexadecimal(64)).map((parts) => parts.join(""))
const uuid = fc.uuid({ version: [4, 5] })
const time = fc.integer({ min: Date.UTC(1970), max: Date.UTC(9999, 11, 31, 23, 59, 59, 999) }).map(timestamp)
const count = fc.nat({ max: 2_147_483_647 })
const atLeastOne = fc.integer({ min: 1, max: 2_147_483_647 })
const units = fc.bigInt(0n, 10n ** 78n - 1n).map(amount)
const decimal = fc
  .tuple(fc.nat(), fc.nat({ max: 999 }), fc.integer({ min: 1, max: 9 }))
  .map(([whole, fraction, last]) => `${whole}.${fraction}${last}`)

/** Like `fc.record`, but of plain objects, as JSON gives them. */
const record = <Fields>(fields: { [Field in keyof Fields]: fc.Arbitrary<Fields[Field]> }) =>
  fc.record(fields, { noNullPrototype: true })

/** A record in which each of the optional fields may be missing. */
const some = <Optional>(optional: { [Field in keyof Optional]: fc.Arbitrary<Optional[Field]> }) =>
  fc.record(optional, { requiredKeys: [], noNullPrototype: true })

const merged = <Left extends object, Right extends object>(
  left: fc.Arbitrary<Left>,
  right: fc.Arbitrary<Right>,
) => fc.tuple(left, right).map(([required, optional]) => ({ ...required, ...optional }))

const fundingObservation = merged(
  record({
    funding_observation_id: uuid,
    transfer_id: uuid,
    revision: atLeastOne,
    account_id: text,
    asset_id: text,
    chain: fc.constantFrom("bitcoin", "gnosis"),
    funding_handle: text,
    source: fc.constantFrom("bitcoind", "esplora", "evm", "bridge"),
    tx_hash: fc.option(hash),
    output_index: fc.option(count),
    status: fc.constantFrom(
      "seen",
      "confirming",
      "confirmed",
      "credited",
      "replaced",
      "conflicted",
      "dropped",
      "reorged",
    ),
    amount: units,
    confirmations: count,
    confirmations_required: count,
    first_seen_at: time,
    last_seen_at: time,
    observer: record({
      state: fc.constantFrom("ok", "lagging", "down", "paused"),
      tip_height: fc.option(count),
      tip_at: fc.option(time),
    }),
    cause: fc.constantFrom(
      "first_seen",
      "mined",
      "confirmations",
      "confirmed",
      "returned",
      "bridge_status",
      "credited",
    ),
  }),
  some({
    block_hash: hash,
    block_height: count,
    credited_at: time,
    bridge_deposit_tx_hash: text,
    bridge_status: text,
    match: fc.constantFrom("tx_hash", "address_amount", "aggregate"),
    successor_tx_hash: hash,
    below_minimum: fc.boolean(),
  }),
)

/** JSON that a rule may add to an alert: any but what names a prototype, which is refused. */
const freeJson = fc
  .jsonValue({ maxDepth: 3, stringUnit: anyText(1, 1) })
  .map((value) => JSON.stringify(value))
  .filter((json) => !json.includes('"__proto__"'))
  .map((json): unknown => JSON.parse(json))

const details = merged(
  fc.dictionary(
    anyText(1, 20).filter((name) => name !== "__proto__"),
    freeJson,
    { maxKeys: 3, noNullPrototype: true },
  ),
  record({
    evaluated_at: time,
    deadline: time,
    window_ms: count,
    policy_version: count,
    cut: fc.dictionary(
      fc.constantFrom("ops.alert", "valueOf", "a-b_c.9"),
      fc.dictionary(
        count.map(String).filter((digits) => digits.length < 10),
        fc.maxSafeNat(),
        { noNullPrototype: true },
      ),
      { noNullPrototype: true },
    ),
    evidence: fc.array(record({ topic: text, partition: count, offset: fc.maxSafeNat(), event_id: uuid }), {
      maxLength: 3,
    }),
  }),
)

const alert = merged(
  record({
    alert_event_id: uuid,
    alert_key: text,
    episode: atLeastOne,
    alert_code: fc.constantFrom("reference_price_stale", "funding_stuck", "executor_submission_failed"),
    severity: fc.constantFrom("warning", "critical"),
    reason: longText,
    service_scope: text,
    raised_at: time,
    cleared_at: fc.option(time),
    first_raised_at: time,
    last_evaluated_at: time,
    details,
  }).map((transition) => ({ ...transition, status: transition.cleared_at === null ? "raised" : "cleared" })),
  some({ pair: text, asset_id: text, tx_hash: hash }),
)

const marketPrice = record({
  price_event_id: uuid,
  pair: text,
  price: decimal,
  source: text,
  observed_at: time,
})

const intentInventory = record({
  inventory_snapshot_id: uuid,
  account_id: text,
  observed_at: time,
  balances: fc.array(record({ asset_id: text, spendable: units, pending_inbound: units, credited: units }), {
    maxLength: 4,
  }),
})

const liquidityAction = merged(
  record({
    liquidity_action_id: uuid,
    account_id: text,
    action: fc.constantFrom("withdrawal_requested", "withdrawal_settled", "withdrawal_failed"),
    asset_id: text,
    chain: fc.constantFrom("bitcoin", "gnosis"),
    occurred_at: time,
  }),
  some({ funding_handle: text, amount: units, tx_hash: text }),
).map((action) =>
  action.funding_handle === undefined ? action : { ...action, action: "deposit_handle_issued" },
)

const tradeResult = merged(
  record({
    trade_result_id: uuid,
    command_id: text,
    pair: text,
    status: fc.constantFrom("submitted", "accepted", "rejected", "failed", "settled"),
    occurred_at: time,
  }),
  some({ error_code: text, error_message: longText }),
)

/** Any valid record of each topic, by the topic's name; wilder than what services write. */
export const anyRecord: ReadonlyMap<string, fc.Arbitrary<object>> = new Map<string, fc.Arbitrary<object>>([
  ["ops.funding_observation", fundingObservation],
  ["ops.alert", alert],
  ["ref.market_price", marketPrice],
  ["state.intent_inventory", intentInventory],
  ["ops.liquidity_action", liquidityAction],
  ["exec.trade_result", tradeResult],
])

/** The generator of that topic's records. */
export const anyRecordOf = (topicName: string): fc.Arbitrary<object> => {
  const arbitrary = anyRecord.get(topicName)
  if (arbitrary === undefined)
    throw new RangeError(`no generator of records for ${topicName}: add it to records.ts`)
  return arbitrary
}
