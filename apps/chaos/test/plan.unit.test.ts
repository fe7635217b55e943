import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { type FaultKind, inWords, lastsOf, partsOf, planOf } from "../src/plan.ts"

const seeds = fc.integer({ min: 0, max: 2_147_483_647 })

describe("a plan", () => {
  it("is the same for the same seed, and another for another", () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        expect(planOf(seed, 3)).toEqual(planOf(seed, 3))
        expect(planOf(seed, 3).faults).not.toEqual(planOf(seed + 1, 3).faults)
      }),
    )
  })

  it("is pinned, so that a seed in a report means the same tomorrow", () => {
    expect(
      planOf(1, 0.5)
        .faults.slice(0, 6)
        .map(({ at_ms, fault }) => `${at_ms} ${inWords(fault)}`),
    ).toEqual([
      "4000 rival, service inventory-sync, lasts_ms 6515",
      "8280 gnosis reorg, depth 12, gone_ms 1299",
      "10547 service paused, service market-reference-ingest, lasts_ms 6540",
      "13487 service ended, service ops-sentinel, times 1",
      "14231 esplora wrong, lie delay, lasts_ms 12881",
      "17171 service paused, service history-writer, lasts_ms 1897",
    ])
  })

  it("of fewer minutes is the beginning of one of more", () => {
    fc.assert(
      fc.property(seeds, fc.integer({ min: 1, max: 5 }), (seed, minutes) => {
        const short = planOf(seed, minutes).faults
        expect(planOf(seed, minutes + 2).faults.slice(0, short.length)).toEqual(short)
      }),
    )
  })

  it("lets no part have two faults at a time, and ends with the chaos", () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const { faults, chaos_ms } = planOf(seed, 5)
        const freeFrom = new Map<string, number>()
        let last_ms = 0
        for (const { at_ms, fault } of faults) {
          expect(at_ms).toBeGreaterThan(last_ms)
          expect(at_ms).toBeLessThan(chaos_ms)
          last_ms = at_ms
          for (const part of partsOf(fault)) {
            expect(at_ms, `${part} has ${inWords(fault)}`).toBeGreaterThan(freeFrom.get(part) ?? 0)
            freeFrom.set(part, at_ms + lastsOf(fault))
          }
        }
      }),
    )
  })

  it("of ten minutes has every kind of fault, more than a hundred in all", () => {
    const every: ReadonlyArray<FaultKind> = [
      "service_killed",
      "service_paused",
      "service_ended",
      "backends_terminated",
      "postgres_killed",
      "postgres_stopped",
      "broker_killed",
      "broker_stopped",
      "broker_paused",
      "bitcoind_stopped",
      "bitcoind_paused",
      "anvil_refusing",
      "anvil_paused",
      "esplora_frozen",
      "esplora_wrong",
      "bridge_wrong",
      "verifier_wrong",
      "ticker_wrong",
      "bitcoin_reorg",
      "gnosis_reorg",
      "poison",
      "redelivered",
      "second_writer",
      "zombie_writer",
      "rival",
    ]
    fc.assert(
      fc.property(seeds, (seed) => {
        const { faults } = planOf(seed, 10)
        expect(faults.length).toBeGreaterThan(100)
        expect([...new Set(faults.map(({ fault }) => fault.kind))].sort()).toEqual([...every].sort())
      }),
      { numRuns: 30 },
    )
  })
})
