import { alertTopic } from "@landfall/domain/topics/alert"
import { fundingObservationTopic } from "@landfall/domain/topics/funding-observation"
import { intentInventoryTopic } from "@landfall/domain/topics/intent-inventory"
import { liquidityActionTopic } from "@landfall/domain/topics/liquidity-action"
import { marketPriceTopic } from "@landfall/domain/topics/market-price"
import { tradeResultTopic } from "@landfall/domain/topics/trade-result"
import type fc from "fast-check"
import { alertHistory } from "./alert-history.ts"
import { fundingHistory } from "./funding-history.ts"
import { inventoryHistory, liquidityHistory, priceHistory, tradeHistory } from "./other-histories.ts"

/** A generator of histories: the records of one topic, in an order that Kafka could deliver. */
export type History<Event> = fc.Arbitrary<ReadonlyArray<Event>>

/** A generator of realistic histories for each topic, by its name. */
export const histories: ReadonlyMap<string, History<unknown>> = new Map<string, History<unknown>>([
  [fundingObservationTopic.name, fundingHistory],
  [alertTopic.name, alertHistory],
  [marketPriceTopic.name, priceHistory],
  [intentInventoryTopic.name, inventoryHistory],
  [liquidityActionTopic.name, liquidityHistory],
  [tradeResultTopic.name, tradeHistory],
])

/** The generator of histories of that topic; a RangeError for a topic that has none yet. */
export const historyOf = (topicName: string): History<unknown> => {
  const history = histories.get(topicName)
  if (history === undefined)
    throw new RangeError(
      `no generator for the topic ${topicName}: add it to projections/src/testing/generators.ts`,
    )
  return history
}
