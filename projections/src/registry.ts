import { alert } from "./alert.ts"
import { fundingHandle } from "./funding-handle.ts"
import { fundingTransfer } from "./funding-transfer.ts"
import { intentInventory } from "./intent-inventory.ts"
import { marketPrice } from "./market-price.ts"
import type { Projection } from "./projection.ts"
import { tradeResult } from "./trade-result.ts"

/** A projection whose row and event types are not known to the reader: registries hold them all alike. */
// biome-ignore lint/suspicious/noExplicitAny: a list of projections of different row types has no closer type.
export type AnyProjection = Projection<any, any>

/** Every projection Landfall knows. A new one is one file, its test, one line here and one migration. */
export const projections: ReadonlyArray<AnyProjection> = [
  fundingTransfer,
  fundingHandle,
  marketPrice,
  intentInventory,
  tradeResult,
  alert,
]

/** The projections that fold the topic of that name; none for a topic that only leaves evidence. */
export const projectionsOfTopic = (topicName: string): ReadonlyArray<AnyProjection> =>
  projections.filter((projection) => projection.topic.name === topicName)
