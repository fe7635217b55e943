import type { Topic } from "./topic.ts"
import { alertTopic } from "./topics/alert.ts"
import { fundingObservationTopic } from "./topics/funding-observation.ts"
import { intentInventoryTopic } from "./topics/intent-inventory.ts"
import { liquidityActionTopic } from "./topics/liquidity-action.ts"
import { marketPriceTopic } from "./topics/market-price.ts"
import { tradeResultTopic } from "./topics/trade-result.ts"

/** A topic whose record type is not known to the reader: registries hold them all alike. */
// biome-ignore lint/suspicious/noExplicitAny: a list of topics of different record types has no closer type.
export type AnyTopic = Topic<any>

/** Every topic Landfall knows. A new one is one file and one line here. */
export const topics: ReadonlyArray<AnyTopic> = [
  fundingObservationTopic,
  alertTopic,
  marketPriceTopic,
  intentInventoryTopic,
  liquidityActionTopic,
  tradeResultTopic,
]

/** The topic of that name, or undefined for one we do not know. */
export const topicByName = (name: string): AnyTopic | undefined => topics.find((topic) => topic.name === name)
