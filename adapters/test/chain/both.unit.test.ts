import { amount } from "@landfall/domain/amount"
import { bitcoinTransferId, type ObserverState } from "@landfall/domain/topics/funding-observation"
import { decideObservations } from "@landfall/evaluators/funding/decide-observations"
import type { ChainSighting, GoneOutput, SeenOutput } from "@landfall/evaluators/funding/facts"
import type { FundingPolicy } from "@landfall/evaluators/funding/policy"
import { type WatchPlan, watchPlan } from "@landfall/evaluators/funding/watch-plan"
import { type FundingTransfer, fundingTransfer } from "@landfall/projections/funding-transfer"
import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { bothObservers } from "../../src/chain/both.ts"
import { mergeSightings } from "../../src/chain/both-merge.ts"
import type { ChainObserver } from "../../src/chain/observer.ts"

const handle = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080"
const hash = (pair: string): string => pair.repeat(32)
const [paid, other, rival] = [hash("aa"), hash("bb"), hash("cc")]

const policy: FundingPolicy = {
  assets: [
    {
      asset_id: "BTC",
      chain: "bitcoin",
      confirmations: [{ from_amount: amount(0n), confirmations: 3 }],
      min_deposit_amount: amount(1n),
    },
  ],
  match_window_ms: 3_600_000,
}
const handles = [
  { account_id: "desk.near", asset_id: "BTC", chain: "bitcoin" as const, funding_handle: handle },
]

const output = (tx_hash: string, changes: Partial<SeenOutput>): SeenOutput => ({
  tx_hash,
  output_index: 0,
  funding_handle: handle,
  amount: amount(50_000n),
  confirmations: 0,
  ...changes,
})

const inBlock = (tx_hash: string, pair: string, block_height = 100, confirmations = 1): SeenOutput =>
  output(tx_hash, { confirmations, block_hash: hash(pair), block_height })
const inMempool = (tx_hash: string) => output(tx_hash, { in_mempool: true })
const dropped = (tx_hash: string) => output(tx_hash, { in_mempool: false })

const sighting = (
  changes: Partial<ChainSighting> & { state?: ObserverState; tip?: number },
): ChainSighting => {
  const { state = "ok", tip = 100, ...rest } = changes
  return {
    source: "bitcoind",
    health: { state, tip_height: tip, tip_at: "2026-11-23T09:00:00.000Z" },
    outputs: [],
    gone: [],
    complete: true,
    ...rest,
  }
}

const nothingExpected: WatchPlan = { confirmations: 3, expected: [] }

const merge = (
  first: Parameters<typeof sighting>[0],
  second: Parameters<typeof sighting>[0],
  plan = nothingExpected,
  named: ReadonlyMap<string, string> = new Map(),
) =>
  mergeSightings({
    first: sighting(first),
    second: sighting({ source: "esplora", ...second }),
    plan,
    named,
  })

describe("two observers of one chain", () => {
  test("show a deposit that either sees, and say who saw it", () => {
    const { sighting: merged } = merge(
      { outputs: [inMempool(paid)] },
      { outputs: [inMempool(other)], complete: false },
    )
    expect(merged.health.state).toBe("ok")
    expect(merged.outputs.map(({ tx_hash, source }) => [tx_hash, source])).toEqual([
      [paid, "bitcoind"],
      [other, "esplora"],
    ])
  })

  test("show it mined when either has its block, with the most confirmations", () => {
    const { sighting: merged } = merge(
      { outputs: [inMempool(paid), inBlock(other, "b0")] },
      { outputs: [inBlock(paid, "b0"), inBlock(other, "b0", 100, 2)] },
    )
    expect(merged.outputs).toMatchObject([{ confirmations: 1 }, { confirmations: 2 }])
  })

  test("take it back only when both say so", () => {
    const both = merge({ outputs: [dropped(paid)] }, { outputs: [dropped(paid)] })
    expect(both.sighting).toMatchObject({ complete: true, outputs: [{ in_mempool: false }] })
    const lacking = merge({ gone: [{ tx_hash: paid, output_index: 0 }] }, {})
    expect(lacking.sighting).toMatchObject({ complete: true, gone: [{ tx_hash: paid }] })
    const silent = merge({ outputs: [dropped(paid)] }, { complete: false })
    expect(silent.sighting).toMatchObject({ complete: false, outputs: [], gone: [] })
    const alive = merge({ outputs: [dropped(paid)] }, { outputs: [inMempool(paid)] })
    expect(alive.sighting.outputs).toMatchObject([{ in_mempool: true, source: "esplora" }])
  })

  test("take nothing back while one is lagging or away, and are lagging together", () => {
    for (const state of ["lagging", "down", "paused"] as const) {
      const { sighting: merged } = merge(
        { outputs: [dropped(paid)] },
        { state, outputs: state === "lagging" ? [dropped(paid)] : [] },
      )
      expect(merged).toMatchObject({ health: { state: "lagging" }, outputs: [], gone: [], complete: false })
    }
    expect(merge({ state: "down" }, { state: "down" }).sighting.health.state).toBe("down")
  })

  test("are lagging when their tips are far apart", () => {
    expect(merge({ tip: 102 }, { tip: 100 }).sighting.health).toMatchObject({ state: "ok", tip_height: 102 })
    const apart = merge({ tip: 103 }, { tip: 100 })
    expect(apart.sighting).toMatchObject({ health: { state: "lagging", tip_height: 103 }, complete: false })
    expect(apart.reason).toContain("3 blocks apart")
  })

  test("name the mined rival that one of them knows", () => {
    const { sighting: merged } = merge(
      { gone: [{ tx_hash: paid, output_index: 0, conflicted: true, successor_tx_hash: rival }] },
      { outputs: [dropped(paid)] },
    )
    expect(merged.outputs).toMatchObject([{ in_mempool: false, conflicted: true, successor_tx_hash: rival }])
  })

  test("leave it in its block until both have another word", () => {
    const plan = { confirmations: 3, expected: [{ tx_hash: paid, output_index: 0, block_height: 100 }] }
    const before = merge({ outputs: [inBlock(paid, "b0")] }, { outputs: [inBlock(paid, "b0")] }, plan)
    const moved = { outputs: [inBlock(paid, "b1", 101)] }
    const stays = merge(moved, { outputs: [inBlock(paid, "b0")] }, plan, before.named)
    expect(stays.sighting.outputs).toMatchObject([{ block_hash: hash("b0") }])
    const silent = merge(moved, { complete: false }, plan, stays.named)
    expect(silent.sighting).toMatchObject({ outputs: [], complete: false })
    // After a restart only what was recorded is known; here only the height.
    expect(merge(moved, { complete: false }, plan).sighting.outputs).toEqual([])
    const both = merge(moved, { outputs: [inMempool(paid)] }, plan, silent.named)
    expect(both.sighting.outputs).toMatchObject([{ block_hash: hash("b1") }])
  })

  test("tell two blocks of one height apart by the hash that was recorded, also after a restart", () => {
    const recorded = { tx_hash: paid, output_index: 0, block_height: 100, block_hash: hash("b0") }
    const plan = { confirmations: 3, expected: [recorded] }
    const swapped = { outputs: [inBlock(paid, "b1")] }
    expect(merge(swapped, { complete: false }, plan).sighting.outputs).toEqual([])
    const one = merge(swapped, { outputs: [inBlock(paid, "b0")] }, plan)
    expect(one.sighting.outputs).toMatchObject([{ block_hash: hash("b0"), source: "esplora" }])
    const both = merge(swapped, swapped, plan)
    expect(both.sighting.outputs).toMatchObject([{ block_hash: hash("b1") }])
    // What was said and could not be published is not yet so: the record decides.
    const again = merge(swapped, { outputs: [inBlock(paid, "b0")] }, plan, both.named)
    expect(again.sighting.outputs).toMatchObject([{ block_hash: hash("b0") }])
  })
})

describe("histories of two observers that say anything", () => {
  const words = ["b0", "b1", "b2", "mempool", "listed", "dropped", "conflicted", "gone", "silent"] as const
  type Said = (typeof words)[number]
  interface Side {
    readonly state: ObserverState
    readonly complete: boolean
    readonly said: ReadonlyArray<Said>
  }
  const hashes = [paid, other]
  const side: fc.Arbitrary<Side> = fc.record({
    state: fc.constantFrom("ok", "ok", "ok", "lagging", "down"),
    complete: fc.boolean(),
    said: fc.tuple(fc.constantFrom(...words), fc.constantFrom(...words)),
  })

  const outputOf = (tx_hash: string, said: Said): ReadonlyArray<SeenOutput> => {
    if (said === "b0" || said === "b1") return [inBlock(tx_hash, said)]
    if (said === "b2") return [inBlock(tx_hash, said, 101)]
    if (said === "mempool") return [inMempool(tx_hash)]
    if (said === "listed") return [output(tx_hash, {})]
    if (said === "dropped") return [dropped(tx_hash)]
    if (said === "conflicted") return [output(tx_hash, { conflicted: true, successor_tx_hash: rival })]
    return []
  }
  const sightingOf = ({ state, complete, said }: Side, source: ChainSighting["source"]): ChainSighting => {
    const speaks = state !== "down"
    const gone: ReadonlyArray<GoneOutput> = hashes.flatMap((tx_hash, at) =>
      said[at] === "gone" ? [{ tx_hash, output_index: 0 }] : [],
    )
    return sighting({
      source,
      state,
      complete: complete && state === "ok",
      outputs: speaks ? hashes.flatMap((tx_hash, at) => outputOf(tx_hash, said[at] ?? "silent")) : [],
      gone: speaks ? gone : [],
    })
  }

  const alive: ReadonlySet<Said> = new Set(["b0", "b1", "b2", "mempool", "listed"])
  /** Whether the side itself would say that the output is nowhere. */
  const denies = ({ state, complete, said }: Side, at: number): boolean => {
    const word = said[at] ?? "silent"
    return state === "ok" && !alive.has(word) && (word !== "silent" || complete)
  }
  /** Whether the side itself would say that the output is not in the block. */
  const deniesBlock = (of: Side, at: number, block: string | undefined): boolean => {
    const word = of.said[at] ?? "silent"
    return denies(of, at) || (of.state === "ok" && alive.has(word) && hash(word) !== block)
  }

  test("nothing is taken back unless both deny it, and what either sees is recorded", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(side, side, fc.boolean()), { maxLength: 12 }), (polls) => {
        const rows = new Map<string, FundingTransfer>()
        let named: ReadonlyMap<string, string> = new Map()
        for (const [round, [left, right, restarted]] of polls.entries()) {
          if (restarted) named = new Map()
          const now_ms = Date.parse("2026-11-23T09:00:00.000Z") + round * 1_000
          const plan = watchPlan(rows.values(), "bitcoin", policy, 100)
          const merged = mergeSightings({
            first: sightingOf(left, "bitcoind"),
            second: sightingOf(right, "esplora"),
            plan,
            named,
          })
          named = merged.named
          const facts = { chains: { bitcoin: merged.sighting }, bridge: [], handles }
          for (const seen of decideObservations(rows, facts, policy, now_ms)) {
            const before = rows.get(seen.transfer_id) ?? null
            const at = hashes.indexOf(seen.tx_hash ?? "")
            const why = `${round}: ${seen.cause} of ${at} after ${JSON.stringify([left, right])}`
            if (["dropped", "replaced", "conflicted"].includes(seen.cause))
              expect(denies(left, at) && denies(right, at), why).toBe(true)
            if (seen.cause === "reorged") {
              const block = before?.block_hash
              expect(deniesBlock(left, at, block) && deniesBlock(right, at, block), why).toBe(true)
            }
            const after = fundingTransfer.evolve(before, seen)
            if (after !== null) rows.set(seen.transfer_id, after)
          }
          for (const [at, tx_hash] of hashes.entries()) {
            const isSeen = [left, right].some(
              ({ state, said }) => state !== "down" && alive.has(said[at] ?? "silent"),
            )
            if (isSeen) expect(rows.has(bitcoinTransferId(tx_hash, 0))).toBe(true)
          }
        }
      }),
      { numRuns: 2_000 },
    )
  })
})

describe("asking two observers", () => {
  const given = (source: ChainSighting["source"]) => {
    let answer: () => Promise<ChainSighting> = async () => sighting({ source })
    let last = sighting({ source, state: "down" })
    let polls = 0
    const observer: ChainObserver = {
      watch: () => {},
      poll: async () => {
        polls++
        last = await answer()
        return last
      },
      status: () => ({
        health: last.health,
        last_poll_at: null,
        last_success_at: null,
        last_error: last.health.state === "ok" ? null : "it is away",
        refused_handles: source === "esplora" ? { bc1qodd: "400" } : {},
      }),
    }
    const says = (next: () => Promise<ChainSighting>) => {
      answer = next
    }
    return { source, observer, says, polls: () => polls }
  }

  test("does not wait for the slower one, and takes its answer up when it comes", async () => {
    let now_ms = 0
    const [quick, slow] = [given("bitcoind"), given("esplora")]
    const both = bothObservers(quick, slow, { now: () => now_ms, wait_ms: 1, age_ms_max: 60_000 })
    const held = Promise.withResolvers<ChainSighting>()
    slow.says(() => held.promise)
    quick.says(async () => sighting({ outputs: [inMempool(paid)] }))
    const first = await both.poll(nothingExpected)
    expect(first).toMatchObject({ health: { state: "lagging" }, outputs: [{ tx_hash: paid }] })
    expect(both.status().last_error).toContain("esplora: it is away")
    expect(both.status().refused_handles).toEqual({ bc1qodd: "esplora: 400" })
    expect(both.status().sides).toMatchObject({
      bitcoind: { state: "ok", tip_height: 100, last_error: null },
      esplora: { state: "down", last_error: "it is away" },
    })
    await both.poll(nothingExpected)
    // It is not asked again before it has answered.
    expect(slow.polls()).toBe(1)
    held.resolve(sighting({ source: "esplora", outputs: [inMempool(other)] }))
    await held.promise
    const late = await both.poll(nothingExpected)
    expect(late).toMatchObject({ health: { state: "ok" }, outputs: [{ tx_hash: paid }, { tx_hash: other }] })
    slow.says(() => new Promise(() => {}))
    // What it said last still counts, but not as all there is.
    expect(await both.poll(nothingExpected)).toMatchObject({ complete: false, health: { state: "ok" } })
    expect(both.status().last_error).toBeNull()
    now_ms = 60_000
    expect((await both.poll(nothingExpected)).health.state).toBe("ok")
    now_ms = 60_001
    expect((await both.poll(nothingExpected)).health.state).toBe("lagging")
    expect(both.status().last_error).toContain("esplora: has not answered for more than 60000 ms")
  })
})
