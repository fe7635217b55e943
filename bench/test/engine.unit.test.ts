import { recordDecoder } from "@landfall/domain/codec"
import {
  bitcoinTransferId,
  fundingObservationId,
  fundingObservationTopic,
} from "@landfall/domain/topics/funding-observation"
import { fold } from "@landfall/projections/fold"
import { fundingTransfer } from "@landfall/projections/funding-transfer"
import { describe, expect, it } from "vitest"
import { digestOf } from "../src/engine/rows.ts"
import { type EngineFacts, type EngineRun, ingestSection, replaySection } from "../src/engine/sections.ts"
import { eventCost } from "../src/evaluate/queue-cost.ts"
import { observations, repeatedObservations } from "../src/observations.ts"

const decode = recordDecoder(fundingObservationTopic)
const recordsOf = (messages: Iterable<{ readonly value: string }>) =>
  Array.from(messages, ({ value }) => {
    const decoded = decode(Buffer.from(value))
    if (!decoded.ok) throw new Error(decoded.reason)
    return decoded.record
  })

describe("the events of the benchmark", () => {
  it("are records of the topic, eight a transfer, each of them news", () => {
    const records = recordsOf(observations(8_000))
    const rows = fold(fundingTransfer, records)
    expect(records).toHaveLength(8_000)
    expect([...rows.values()].map(({ observations: seen, status }) => `${seen} ${status}`)).toEqual(
      Array.from({ length: 1_000 }, () => "8 credited"),
    )
  })

  it("have the domain's own ids", () => {
    for (const { transfer_id, revision, tx_hash, ...seen } of recordsOf(observations(4_100))) {
      expect(transfer_id).toBe(bitcoinTransferId(tx_hash ?? "", 0))
      expect(seen.funding_observation_id).toBe(fundingObservationId(transfer_id, revision))
    }
  })

  it("for memory keep to so many transfers, however many they are", () => {
    const rows = fold(fundingTransfer, recordsOf(repeatedObservations(1_000, 30)))
    expect(rows.size).toBe(30)
    expect([...rows.values()].reduce((sum, row) => sum + row.observations, 0)).toBe(1_000)
  })
})

describe("the digest of rows", () => {
  it("knows no order of rows or fields, and no fields of a store's own", () => {
    const rows = [
      { a: 1, b: { c: "x", d: null } },
      { a: 2, b: { c: "y", d: 3n } },
    ]
    const same = [
      { b: { d: "3", c: "y" }, a: 2, _version: 7 },
      { _id: 9, b: { d: null, c: "x" }, a: 1, e: undefined },
    ]
    expect(digestOf(same)).toBe(digestOf(rows))
  })

  it("tells another value, a missing row and a row too many", () => {
    const rows = [{ a: 1 }, { a: 2 }]
    for (const other of [[{ a: 1 }, { a: 3 }], [{ a: 1 }], [{ a: 1 }, { a: 2 }, { a: 2 }]])
      expect(digestOf(other)).not.toBe(digestOf(rows))
  })
})

describe("an engine section", () => {
  const facts: EngineFacts = {
    events: 1_000,
    emmettEvents: 100,
    bytes: 500,
    partitions: 4,
    streamsMissing: "there is no Maven",
    emmettMissing: null,
  }
  const run: EngineRun = {
    raw_consume: 100,
    replay: 90,
    replay_handed_over: 80,
    consume_parse: 95,
    json_parse: 500,
    streams: null,
    streams_committed: null,
    ingest: 40,
    ingest_cpu_us: 9,
    ingest_rss_mb: 200,
    raw_copy_in: 80,
    raw_copy_out: 200,
    rebuild: null,
    rebuild_compared: null,
    emmett_append: 2,
    emmett_append_grouped: 4,
    emmett_rebuild: 1,
  }

  it("compares run by run, and says which peer was not there", () => {
    const [limit, , , streams] = replaySection([run, { ...run, replay: 80 }], facts).results
    expect(limit).toMatchObject({ runs: [0.9, 0.8], target: { least: 0.8 } })
    expect(streams).toMatchObject({ missing: "there is no Maven" })
    expect(ingestSection([run], facts).results).toMatchObject([
      { runs: [0.5] },
      { missing: "there is no Maven" },
      { runs: [20], target: { least: 10 } },
      { runs: [10], target: null },
    ])
  })
})

describe("the cost of an event", () => {
  it("is some moves in the queue, no more than it has levels", () => {
    const few = eventCost(1_000, 2_000)
    const many = eventCost(16_000, 2_000)
    expect(few.moves).toBeGreaterThan(1)
    expect(many.moves_max).toBeLessThanOrEqual(Math.floor(Math.log2(16_000)) + 1)
  })
})
