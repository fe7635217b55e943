import { amount } from "@landfall/domain/amount"
import { recordEncoder } from "@landfall/domain/codec"
import { timestamp } from "@landfall/domain/timestamp"
import { intentInventoryTopic } from "@landfall/domain/topics/intent-inventory"
import { marketPriceTopic, priceEventId } from "@landfall/domain/topics/market-price"
import { type TradeResult, tradeResultId, tradeResultTopic } from "@landfall/domain/topics/trade-result"
import { computeInventory } from "@landfall/evaluators/inventory/compute-inventory"
import { account_id, type SimulatedBridge } from "../world/bridge.ts"
import type { SimulatedKafka } from "../world/kafka.ts"
import type { Machine } from "../world/machine.ts"
import type { Random } from "../world/random.ts"
import type { VirtualTime } from "../world/virtual-time.ts"

export interface DeskWorld {
  readonly time: VirtualTime
  readonly kafka: SimulatedKafka
  readonly bridge: SimulatedBridge
  readonly machine: Machine
}

const encodePrice = recordEncoder(marketPriceTopic)
const encodeInventory = recordEncoder(intentInventoryTopic)
const encodeTrade = recordEncoder(tradeResultTopic)
const pair = "BTC/EURe"

/** What the other services publish: prices, inventories and trade results, each with silences in between. */
export const createDesk = ({ time, kafka, bridge, machine }: DeskWorld, random: Random) => {
  const { now } = machine.clock()
  const silentUntil = { price: 0, inventory: 0, trade: 0 }
  let commands = 0

  const isSilent = (what: keyof typeof silentUntil): boolean => {
    if (random.chance(0.03)) silentUntil[what] = time.now() + random.int(2_000, 25_000)
    return !kafka.up || time.now() < silentUntil[what]
  }

  /** Some of it in transactions, of which some are aborted and all are open for a while. */
  const publish = (topic: string, key: string, value: string): void => {
    if (!random.chance(0.25)) return kafka.write(topic, key, Buffer.from(value), now())
    const id = `desk ${topic}`
    kafka.append(id, { topic, key, value }, now())
    time.at(time.now() + random.int(0, random.chance(0.2) ? 2_500 : 100), () =>
      kafka.end(id, random.chance(0.3) ? "aborted" : "committed"),
    )
  }

  const price = (): void => {
    const observed_at = timestamp(now() - random.int(0, 500))
    const price_event_id = priceEventId(pair, "ticker", observed_at)
    const record = {
      price_event_id,
      pair,
      price: String(random.int(50_000, 60_000)),
      source: "ticker",
      observed_at,
    }
    publish(marketPriceTopic.name, pair, encodePrice(record))
    // The same id with another content: kept as a dead letter, and no event to anybody.
    if (random.chance(0.02)) publish(marketPriceTopic.name, pair, encodePrice({ ...record, price: "1" }))
  }

  const inventory = (): void => {
    const spendable = new Map(
      Array.from(bridge.balances.at(-1)?.of ?? [], ([asset_id, units]) => [asset_id, amount(units)] as const),
    )
    const facts = {
      account_id,
      observed_at: timestamp(now()),
      spendable,
      deposits: bridge.deposits(null),
    }
    const computed = computeInventory(facts)
    if (!computed.ok) throw new Error(computed.problem)
    publish(intentInventoryTopic.name, account_id, encodeInventory(computed.inventory))
  }

  const trade = (): void => {
    const command_id = `command-${++commands}`
    const status = random.pick<TradeResult["status"]>([
      "submitted",
      "accepted",
      "rejected",
      "failed",
      "settled",
    ])
    const trade_result_id = tradeResultId(command_id, status)
    const record = { trade_result_id, command_id, pair, status, occurred_at: timestamp(now()) }
    publish(tradeResultTopic.name, pair, encodeTrade(record))
  }

  return {
    /** One moment, about a second long. */
    moment: (): void => {
      if (random.chance(0.3) && !isSilent("price")) price()
      if (random.chance(0.3) && bridge.up && !isSilent("inventory")) inventory()
      if (random.chance(0.05) && !isSilent("trade")) trade()
    },
  }
}
