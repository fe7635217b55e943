import { fundingObservationTopic } from "@landfall/domain/topics/funding-observation"
import { describe, expect, it } from "vitest"
import { fold } from "../../src/alerts/evaluator.ts"
import { tickLoad } from "../../src/alerts/load.ts"
import { tick } from "../../src/alerts/tick.ts"
import { deposit } from "./fixtures.ts"

/** How many items the queue of transfers has moved so far. */
const movesOf = ({ state }: ReturnType<typeof tickLoad>): number => {
  const source = state.sources.find(({ topic }) => topic === fundingObservationTopic.name)
  if (source === undefined) throw new Error("no rule reads transfers")
  return source.queue.moves()
}

const costOf = (transfers: number, due: number) => {
  const load = tickLoad(transfers, due)
  const before = movesOf(load)
  const { alerts, looked_at } = tick(load.state, load.input)
  return { alerts: alerts.length, looked_at, moves: movesOf(load) - before }
}

describe("the cost of a tick", () => {
  it("is that of what is due, however much exists", () => {
    const few = costOf(1000, 50)
    const many = costOf(30_000, 50)
    expect([few.alerts, few.looked_at]).toEqual([50, 50])
    expect([many.alerts, many.looked_at]).toEqual([50, 50])
    // Thirty times as many make the heap five levels deeper.
    expect(many.moves).toBeLessThan(2 * few.moves)
  })

  it("is nothing when nothing is due", () => {
    expect(costOf(1000, 0)).toEqual({ alerts: 0, looked_at: 0, moves: 0 })
  })
})

describe("the cost of an event", () => {
  it("is a few moves in the queue, however much waits there", () => {
    const load = tickLoad(30_000, 0)
    const before = movesOf(load)
    for (let revision = 1; revision <= 3; revision++)
      fold(load.state, {
        topic: fundingObservationTopic.name,
        partition: 0,
        offset: 30_000 + revision,
        kafka_ms: load.input.now_ms + revision,
        record: deposit({ at_ms: load.input.now_ms + revision, revision }),
      })
    expect(movesOf(load) - before).toBeLessThanOrEqual(3 * 16)
  })
})
