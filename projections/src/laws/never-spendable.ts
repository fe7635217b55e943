import { fundingObservationTopic } from "@landfall/domain/topics/funding-observation"
import fc from "fast-check"
import { foldInto, type Rows } from "../fold.ts"
import { intentInventory } from "../intent-inventory.ts"
import type { AnyProjection } from "../registry.ts"
import type { History } from "../testing/generators.ts"
import { interleaved } from "../testing/interleave.ts"
import { snapshotLines } from "./law.ts"

/** A record and the topic it came from. */
interface Message {
  readonly topic: string
  readonly record: unknown
}

const foldAll = (projections: ReadonlyArray<AnyProjection>, messages: ReadonlyArray<Message>) => {
  const states = new Map<AnyProjection, Rows<unknown>>(
    projections.map((projection) => [projection, new Map()]),
  )
  for (const { topic, record } of messages)
    for (const [projection, rows] of states)
      if (projection.topic.name === topic) foldInto(projection, rows, [record])
  return states
}

const saysSpendable = (value: unknown): boolean =>
  typeof value === "object" &&
  value !== null &&
  Object.entries(value).some(([name, part]) => name.includes("spendable") || saysSpendable(part))

/**
 * An uncredited transfer is never spendable in any projection: of all topics in any mix, with and without funding
 * observations, the inventory is the same byte for byte, and no other row says anything about `spendable`.
 */
export const uncreditedIsNeverSpendable = (
  projections: ReadonlyArray<AnyProjection>,
  histories: ReadonlyMap<string, History<unknown>>,
): fc.IProperty<unknown> => {
  const streams = [...histories].map(([topic, history]) =>
    history.map((records): ReadonlyArray<Message> => records.map((record) => ({ topic, record }))),
  )
  return fc.property(interleaved(fc.tuple(...streams)), (messages) => {
    const all = foldAll(projections, messages)
    const blind = foldAll(
      projections,
      messages.filter(({ topic }) => topic !== fundingObservationTopic.name),
    )
    for (const [projection, rows] of all) {
      if (projection.topic.name === intentInventory.topic.name) {
        const seen = snapshotLines(projection, rows).join("\n")
        const unseen = snapshotLines(projection, blind.get(projection) ?? new Map()).join("\n")
        if (seen !== unseen)
          throw new Error(`${projection.name} changed with observations:\n${unseen}\n${seen}`)
      } else {
        for (const row of rows.values())
          if (saysSpendable(row)) throw new Error(`${projection.name} has a row that says spendable`)
      }
    }
  })
}
