import { amount } from "@landfall/domain/amount"
import { deterministicId } from "@landfall/domain/deterministic-id"
import { timestamp } from "@landfall/domain/timestamp"
import {
  bitcoinTransferId,
  type FundingObservation,
  FundingStatus,
  fundingObservationId,
  ObserverState,
} from "@landfall/domain/topics/funding-observation"
import { type IntentInventory, inventorySnapshotId } from "@landfall/domain/topics/intent-inventory"
import { type MarketPrice, priceEventId } from "@landfall/domain/topics/market-price"
import { TradeResult, tradeResultId } from "@landfall/domain/topics/trade-result"
import { type Reader, WordError } from "./words.ts"

/** What the short forms of a scenario remember from line to line. */
export interface Memory {
  /** The latest observation of each transfer, by the name that the scenario gives it. */
  readonly transfers: Map<string, FundingObservation>
}

/** When the line happens, and how it reads times. */
export interface LineTime {
  readonly at_ms: number
  readonly instant: (word: string) => number
}

/** The options at the end of a line: pairs of a name and a value, each at most once. */
const optionsOf = <Name extends string>(
  reader: Reader,
  names: ReadonlyArray<Name>,
): { readonly [name in Name]?: string } => {
  const options: { [name in Name]?: string } = {}
  while (reader.more()) {
    const name = reader.takeOne("option", names)
    if (options[name] !== undefined) throw new WordError(`${name} is there twice`)
    options[name] = reader.take(`the value of ${name}`)
  }
  return options
}

const observedAt = (observed: string | undefined, time: LineTime): string =>
  timestamp(observed === undefined ? time.at_ms : time.instant(observed))

const price = (reader: Reader, time: LineTime): MarketPrice => {
  const pair = reader.take("a pair such as BTC/EURe")
  const value = reader.take("a price")
  const { observed, source = "kraken" } = optionsOf(reader, ["observed", "source"])
  const observed_at = observedAt(observed, time)
  return { price_event_id: priceEventId(pair, source, observed_at), pair, price: value, source, observed_at }
}

const inventory = (reader: Reader, time: LineTime): IntentInventory => {
  const account_id = reader.take("an account")
  const { observed, BTC } = optionsOf(reader, ["observed", "BTC"])
  const observed_at = observedAt(observed, time)
  const none = amount(0n)
  return {
    inventory_snapshot_id: inventorySnapshotId(account_id, observed_at),
    account_id,
    observed_at,
    balances:
      BTC === undefined
        ? []
        : [{ asset_id: "BTC", spendable: unitsOf(BTC), pending_inbound: none, credited: none }],
  }
}

const trade = (reader: Reader, time: LineTime): TradeResult => {
  const pair = reader.take("a pair such as BTC/EURe")
  const command_id = reader.take("a command's name")
  const status = reader.takeOne("result", TradeResult.fields.status.literals)
  const { observed, error, message } = optionsOf(reader, ["observed", "error", "message"])
  return {
    trade_result_id: tradeResultId(command_id, status),
    command_id,
    pair,
    status,
    ...(error !== undefined && { error_code: error }),
    ...(message !== undefined && { error_message: message }),
    occurred_at: observedAt(observed, time),
  }
}

const unitsOf = (word: string): FundingObservation["amount"] => {
  if (!/^\d+$/.test(word)) throw new WordError(`${word} is no amount: expected base units, such as 50000`)
  return amount(BigInt(word))
}

const countOf = (word: string): number => {
  if (!/^\d{1,9}$/.test(word)) throw new WordError(`${word} is no count`)
  return Number(word)
}

/** A made-up transaction hash, the same for the same name. */
const hashOf = (name: string): string =>
  (deterministicId("scenario_hash", name) + deterministicId("scenario_hash", name, 2)).replaceAll("-", "")

/** The id of the transfer that a scenario calls by that name. */
export const transferIdOf = (name: string): string => bitcoinTransferId(hashOf(name), 0)

const causes = {
  seen: "returned",
  confirming: "mined",
  confirmed: "confirmed",
  credited: "credited",
  replaced: "replaced",
  conflicted: "conflicted",
  dropped: "dropped",
  reorged: "reorged",
} as const satisfies Record<FundingStatus, FundingObservation["cause"]>

const transferOptions = [
  "amount",
  "asset",
  "bridge",
  "confirmations",
  "observed",
  "observer",
  "revision",
  "successor",
] as const

const observation = (reader: Reader, time: LineTime, memory: Memory): FundingObservation => {
  const name = reader.take("a name for the transfer")
  const status = reader.takeOne("status", FundingStatus.literals)
  const given = optionsOf(reader, transferOptions)
  const before = memory.transfers.get(name)
  const transfer_id = transferIdOf(name)
  const revision = given.revision === undefined ? (before?.revision ?? 0) + 1 : countOf(given.revision)
  const at = observedAt(given.observed, time)
  const credited_at = before?.credited_at ?? (status === "credited" ? at : undefined)
  const bridge_status = given.bridge ?? (status === "credited" ? "COMPLETED" : before?.bridge_status)
  const seen: FundingObservation = {
    funding_observation_id: fundingObservationId(transfer_id, revision),
    transfer_id,
    revision,
    account_id: "desk.near",
    asset_id: given.asset ?? before?.asset_id ?? "BTC",
    chain: "bitcoin",
    funding_handle: `bc1q${name.toLowerCase()}`,
    source: "bitcoind",
    tx_hash: hashOf(name),
    output_index: 0,
    status,
    amount: given.amount === undefined ? (before?.amount ?? amount(100_000n)) : unitsOf(given.amount),
    confirmations: countOf(
      given.confirmations ?? (status === "confirmed" || status === "credited" ? "2" : "0"),
    ),
    confirmations_required: 2,
    first_seen_at: before?.first_seen_at ?? at,
    last_seen_at: at,
    ...(credited_at !== undefined && { credited_at }),
    ...(bridge_status !== undefined && { bridge_status }),
    ...(given.successor !== undefined && { successor_tx_hash: hashOf(given.successor) }),
    observer: { state: observerOf(given.observer), tip_height: 100, tip_at: at },
    cause: before === undefined ? "first_seen" : causes[status],
  }
  if (before === undefined || revision > before.revision) memory.transfers.set(name, seen)
  return seen
}

const observerOf = (word = "ok"): ObserverState => {
  const found = ObserverState.literals.find((one) => one === word)
  if (found === undefined)
    throw new WordError(`${word} is no state of an observer: expected ${ObserverState.literals.join(", ")}`)
  return found
}

const forms = {
  "ref.market_price": price,
  "state.intent_inventory": inventory,
  "ops.funding_observation": observation,
  "exec.trade_result": trade,
} as const

/** The topics that a scenario can emit to. */
export const emittable = Object.keys(forms) as ReadonlyArray<keyof typeof forms>

/** Reads the rest of an `emit` line, and makes the record that it stands for. */
export const readEmission = (
  reader: Reader,
  time: LineTime,
  memory: Memory,
): { readonly topic: string; readonly record: unknown } => {
  const topic = reader.takeOne("topic", emittable)
  return { topic, record: forms[topic](reader, time, memory) }
}
