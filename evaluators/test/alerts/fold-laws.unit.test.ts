import { timestamp } from "@landfall/domain/timestamp"
import { FundingStatus, fundingObservationTopic } from "@landfall/domain/topics/funding-observation"
import { type TradeResult, tradeResultId, tradeResultTopic } from "@landfall/domain/topics/trade-result"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { timestampAtMost } from "../../src/alerts/define-rule.ts"
import { createEvaluator, fold } from "../../src/alerts/evaluator.ts"
import { deposit, policyWith, start_ms } from "./fixtures.ts"

const firstYear_ms = Date.parse("0001-01-01T00:00:00.000Z")
const lastInstant_ms = Date.parse("9999-12-31T23:59:59.999Z")

describe("the text of an instant", () => {
  it("is the canonical one, whichever was asked for before", () => {
    const near = fc.integer({ min: start_ms - 200_000, max: start_ms + 200_000 })
    const any = fc.integer({ min: firstYear_ms, max: lastInstant_ms })
    fc.assert(
      fc.property(fc.array(fc.oneof(near, any), { minLength: 1 }), (instants) => {
        expect(instants.map(timestampAtMost)).toEqual(instants.map(timestamp))
      }),
    )
  })

  it.each([
    [lastInstant_ms + 1, "9999-12-31T23:59:59.999Z"],
    [Number.POSITIVE_INFINITY, "9999-12-31T23:59:59.999Z"],
    [start_ms + 0.5, "2026-11-23T09:00:00.000Z"],
    [firstYear_ms, "0001-01-01T00:00:00.000Z"],
  ])("of %s is %s", (at_ms, text) => {
    expect(timestampAtMost(at_ms)).toBe(text)
  })

  it.each([Number.NaN, Number.NEGATIVE_INFINITY, firstYear_ms - 1])("is refused for %s", (at_ms) => {
    expect(() => timestampAtMost(at_ms)).toThrow(RangeError)
  })
})

/** What an id stands for never changes, so its instant follows from it. */
const trade = fc
  .record({
    command: fc.nat({ max: 12 }),
    status: fc.constantFrom<TradeResult["status"]>("submitted", "accepted", "rejected", "failed", "settled"),
  })
  .map(({ command, status }) => {
    const command_id = `command-${command}`
    const occurred_at = timestamp(start_ms + ((command * 977 + status.length * 1301) % 12_000))
    return {
      trade_result_id: tradeResultId(command_id, status),
      command_id,
      pair: "BTC/EURe",
      status,
      occurred_at,
    }
  })

const observation = fc
  .record({
    revision: fc.integer({ min: 1, max: 8 }),
    status: fc.constantFrom(...FundingStatus.literals),
    after_ms: fc.nat({ max: 12_000 }),
    failed: fc.boolean(),
  })
  .map(({ revision, status, after_ms, failed }) =>
    deposit({ at_ms: start_ms + after_ms, revision, status, ...(failed && { bridge_status: "FAILED" }) }),
  )

describe("the evidence of a row", () => {
  it.each([
    [tradeResultTopic, trade],
    [fundingObservationTopic, observation],
  ])("of $name is where each event that it rests on was first read", (topic, record) => {
    fc.assert(
      fc.property(
        fc.array(record as fc.Arbitrary<Record<string, unknown>>, { minLength: 1, maxLength: 30 }),
        (records) => {
          const state = createEvaluator({
            policies: [{ recorded_at: timestamp(start_ms), policy: policyWith() }],
          })
          const source = state.sources.find((one) => one.topic === topic.name)
          const reads = source?.rules[0]?.reads
          const places = new Map<string, unknown>()
          for (const [offset, record] of records.entries()) {
            const event_id = String(record[topic.id])
            const place = { topic: topic.name, partition: 0, offset, event_id }
            if (!places.has(event_id)) places.set(event_id, place)
            fold(state, { topic: topic.name, partition: 0, offset, kafka_ms: start_ms + 20_000, record })
          }
          for (const { row, evidence } of source?.subjects.values() ?? []) {
            const ids: string[] = [...(reads?.events(row) ?? []), ...(reads?.past?.events(row) ?? [])]
            expect(evidence).toEqual(ids.map((id) => places.get(id)))
          }
        },
      ),
    )
  })
})
