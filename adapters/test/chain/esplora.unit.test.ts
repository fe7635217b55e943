import { setImmediate } from "node:timers/promises"
import { amount } from "@landfall/domain/amount"
import { decideObservations } from "@landfall/evaluators/funding/decide-observations"
import type { FundingPolicy } from "@landfall/evaluators/funding/policy"
import { watchPlan } from "@landfall/evaluators/funding/watch-plan"
import { type FundingTransfer, fundingTransfer } from "@landfall/projections/funding-transfer"
import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { esploraObserver } from "../../src/chain/esplora.ts"
import type { EsploraApi } from "../../src/chain/esplora-api.ts"
import { watchedAddresses as addresses, type FakeChain, fakeChain } from "./esplora-fake-chain.ts"

const elsewhere = "elsewhere"

const policy: FundingPolicy = {
  assets: [
    {
      asset_id: "BTC",
      chain: "bitcoin",
      confirmations: [{ from_amount: amount(0n), confirmations: 2 }],
      min_deposit_amount: amount(1n),
    },
  ],
  match_window_ms: 3_600_000,
}
const handles = addresses.map((funding_handle) => ({
  account_id: "desk.near",
  asset_id: "BTC",
  chain: "bitcoin" as const,
  funding_handle,
}))

/** Something that happens to the chain; numbers choose among what is there. */
const event = fc.oneof(
  fc.record({ kind: fc.constant("send" as const), which: fc.nat(2) }),
  fc.record({ kind: fc.constantFrom("replace" as const, "steal" as const), which: fc.nat(9) }),
  fc.record({ kind: fc.constantFrom("evict" as const, "restore" as const), which: fc.nat(9) }),
  fc.record({ kind: fc.constantFrom("mine" as const, "mine-empty" as const), which: fc.nat(4) }),
  fc.record({
    kind: fc.constantFrom("reorganise" as const, "reorganise-empty" as const, "wipe" as const),
    which: fc.nat(13),
  }),
)
type Event = typeof event extends fc.Arbitrary<infer Value> ? Value : never

const happen = (chain: FakeChain, { kind, which }: Event): void => {
  const txids = chain.txids()
  const txid = txids[which % Math.max(1, txids.length)] ?? ""
  const address = addresses[which % addresses.length] ?? elsewhere
  if (kind === "send") chain.send(address)
  if (kind === "replace") chain.replace(txid, address)
  if (kind === "steal") chain.replace(txid, elsewhere)
  if (kind === "evict") chain.evict(txid)
  if (kind === "restore") chain.restore(txid)
  if (kind === "mine") for (let block = 0; block <= which; block++) chain.mine(block === 0)
  if (kind === "mine-empty") chain.mine(false)
  if (kind === "reorganise") chain.reorganise(1 + which, true, true)
  if (kind === "reorganise-empty") chain.reorganise(1 + which, true, false)
  if (kind === "wipe") chain.reorganise(1 + which, false, false)
}

/** One poll: what happened before it, what happens or fails at one of its questions, and whether it is a new process. */
const step = fc.record({
  before: fc.array(event, { maxLength: 3 }),
  during: fc.option(fc.record({ question: fc.nat(8), what: fc.oneof(event, fc.constant("fail" as const)) }), {
    nil: null,
    freq: 3,
  }),
  pass_ms: fc.constantFrom(500, 4_000, 60_000),
  /** A new process in one case of six: its observer knows nothing, the records are kept. */
  restarts: fc.nat(5),
})

type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never

const then = (before: ReadonlyArray<Event>, changes: Partial<Step> = {}): Step => ({
  before: [...before],
  during: null,
  pass_ms: 500,
  restarts: 1,
  ...changes,
})

/** Histories that were once told wrong, and how many addresses a round read. */
const notable: Array<[Step[], number]> = [
  // The open address took every turn.
  [[then([{ kind: "send", which: 0 }]), then([{ kind: "send", which: 1 }])], 1],
  // Buried in a plan while the server failed after a restart.
  [
    [
      then([{ kind: "send", which: 0 }]),
      then([
        { kind: "reorganise", which: 0 },
        { kind: "mine", which: 0 },
      ]),
      then([{ kind: "wipe", which: 2 }]),
      then([], { during: { question: 2, what: "fail" }, restarts: 0 }),
    ],
    1,
  ],
  // Found to be gone in a round that the next block spoiled, and forgotten.
  [
    [
      then([{ kind: "send", which: 0 }]),
      then([{ kind: "mine", which: 0 }]),
      then([
        { kind: "wipe", which: 0 },
        { kind: "reorganise", which: 0 },
        { kind: "reorganise", which: 0 },
      ]),
      then([], { during: { question: 1, what: { kind: "mine", which: 0 } }, pass_ms: 60_000 }),
    ],
    2,
  ],
  // A block above the tip that the round began with left the chain, and the tip did not.
  [
    [
      then([{ kind: "send", which: 0 }]),
      then([], { during: { question: 2, what: { kind: "mine", which: 2 } }, restarts: 0 }),
      then([
        { kind: "mine", which: 0 },
        { kind: "wipe", which: 3 },
      ]),
    ],
    1,
  ],
]

/** The observer and the manager's decision over a fake chain. */
const givenWatch = (chain: FakeChain, addresses_max: number, lag?: () => number) => {
  let now_ms = Date.parse("2026-11-23T09:00:00.000Z")
  let before = (): void => {}
  const rows = new Map<string, FundingTransfer>()
  const start = () => {
    const fresh = esploraObserver({
      api: chain.api(() => before(), lag),
      network: "regtest",
      tip_age_ms_max: null,
      addresses_max,
      concurrency_max: 2,
      now: () => now_ms,
      random: () => 0,
    })
    fresh.watch(addresses.map((address) => ({ address, issued_at_ms: null })))
    return fresh
  }
  let observer = start()
  return {
    rows,
    pass: (ms: number) => {
      now_ms += ms
    },
    restart: () => {
      observer = start()
    },
    poll: async (questioned: () => void) => {
      before = questioned
      const { tip_height } = observer.status().health
      const bitcoin = await observer.poll(watchPlan(rows.values(), "bitcoin", policy, tip_height))
      before = () => {}
      const seen = decideObservations(rows, { chains: { bitcoin }, bridge: [], handles }, policy, now_ms)
      for (const observation of seen) {
        const after = fundingTransfer.evolve(rows.get(observation.transfer_id) ?? null, observation)
        if (after !== null) rows.set(observation.transfer_id, after)
      }
      return { bitcoin, seen }
    },
  }
}

describe("an Esplora server over any history", () => {
  test("is never taken to say that something is gone which is there, and in the end all is known", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 14 }),
        fc.constantFrom(1, 2, 10),
        async (steps, budget) => {
          const chain = fakeChain()
          const watch = givenWatch(chain, budget)
          for (const { before, during, pass_ms, restarts } of steps) {
            for (const one of before) happen(chain, one)
            watch.pass(pass_ms)
            if (restarts === 0) watch.restart()
            const start = new Map(chain.txids().map((txid) => [txid, chain.whereIs(txid)]))
            let questions = 0
            const { seen } = await watch.poll(() => {
              if (during === null || questions++ !== during.question) return
              if (during.what === "fail") throw new Error("the connection broke")
              happen(chain, during.what)
            })
            for (const { cause, tx_hash, block_hash, status } of seen) {
              const txid = tx_hash ?? ""
              const places = [start.get(txid) ?? null, chain.whereIs(txid)]
              if (["dropped", "replaced", "conflicted"].includes(cause)) expect(places).toContain(null)
              if (cause === "reorged" && status === "reorged")
                expect(places.some((place) => place === null || place === "mempool")).toBe(true)
              if (["mined", "confirmed", "confirmations"].includes(cause))
                expect(places).toContain(block_hash)
            }
          }
          // The world stands still: one more block to go by, and time for what is missed to count as gone.
          chain.mine(false)
          for (let round = 0; round < 12; round++) {
            watch.pass(60_000)
            await watch.poll(() => {})
          }
          expect(standing(watch.rows)).toEqual(expectedStanding(chain, watch.rows))
        },
      ),
      { numRuns: 1_000, examples: notable },
    )
  })
})

/** Where each transfer stands by its record. */
const standing = (rows: ReadonlyMap<string, FundingTransfer>) =>
  new Map(
    Array.from(rows.values(), ({ tx_hash, status, block_hash }) => [
      tx_hash,
      status === "confirming" || status === "confirmed" ? block_hash : status === "seen" ? "mempool" : "gone",
    ]),
  )

/** Where each recorded transfer is, and each that should be recorded as it is there. */
const expectedStanding = (chain: FakeChain, rows: ReadonlyMap<string, FundingTransfer>) => {
  const recorded = new Map(Array.from(rows.values(), (row) => [row.tx_hash, row]))
  return new Map(
    chain.txids().flatMap((txid) => {
      const row = recorded.get(txid)
      const place = chain.whereIs(txid)
      if (row === undefined && (place === null || !chain.pays(txid, addresses))) return []
      // Back from a block into the mempool is shown as `reorged` until it is mined again.
      const isBack = place === "mempool" && row?.status === "reorged"
      return [[txid, isBack ? "gone" : (place ?? "gone")] as const]
    }),
  )
}

describe("an Esplora address behind which servers are not equally far", () => {
  test("is never taken to say that a deposit left its block, also when the process starts anew", async () => {
    const mines = fc.record({
      sends: fc.nat(2),
      mined: fc.nat(2),
      polls: fc.integer({ min: 1, max: 4 }),
      pass_ms: fc.constantFrom(500, 4_000, 20_000),
      restarts: fc.nat(5),
    })
    await fc.assert(
      fc.asyncProperty(
        fc.array(mines, { minLength: 1, maxLength: 8 }),
        fc.array(fc.nat({ max: 2 }), { minLength: 1, maxLength: 40 }),
        async (steps, lags) => {
          const chain = fakeChain()
          let asked = 0
          let isEven = false
          const watch = givenWatch(chain, 10, () => (isEven ? 0 : (lags[asked++ % lags.length] ?? 0)))
          for (const { sends, mined, polls, pass_ms, restarts } of steps) {
            for (let sent = 0; sent < sends; sent++) chain.send(addresses[sent] ?? elsewhere)
            for (let block = 0; block < mined; block++) chain.mine(true)
            if (restarts === 0) watch.restart()
            for (let poll = 0; poll < polls; poll++) {
              watch.pass(pass_ms)
              const { seen } = await watch.poll(() => {})
              expect(seen.map(({ cause }) => cause).filter((cause) => takenBack.has(cause))).toEqual([])
            }
          }
          isEven = true
          for (let poll = 0; poll < 4; poll++) {
            watch.pass(60_000)
            await watch.poll(() => {})
          }
          for (const txid of chain.txids()) {
            const [row] = [...watch.rows.values()].filter(({ tx_hash }) => tx_hash === txid)
            expect(row?.block_hash ?? "mempool").toBe(chain.whereIs(txid))
          }
        },
      ),
      { numRuns: 300 },
    )
  })
})

const takenBack: ReadonlySet<string> = new Set(["dropped", "replaced", "conflicted", "reorged"])

describe("the cost of a poll", () => {
  test("is never more than so many questions at once, whatever there is to ask", async () => {
    const chain = fakeChain()
    const watched = Array.from({ length: 60 }, (_, n) => `address-${n}`)
    const txids = watched.map((address) => chain.send(address))
    const plain = chain.api(() => {})
    let open = 0
    let most = 0
    const counted =
      <Parameters extends ReadonlyArray<unknown>, Answer>(ask: (...of: Parameters) => Promise<Answer>) =>
      async (...of: Parameters): Promise<Answer> => {
        most = Math.max(most, ++open)
        await setImmediate()
        open--
        return ask(...of)
      }
    const api: EsploraApi = {
      shown: plain.shown,
      blocks: counted(plain.blocks),
      isInBestChain: counted(plain.isInBestChain),
      transactions: counted(plain.transactions),
      olderTransactions: counted(plain.olderTransactions),
      transaction: counted(plain.transaction),
      spender: counted(plain.spender),
    }
    const observer = esploraObserver({
      api,
      network: "regtest",
      tip_age_ms_max: null,
      absence_ms: 0,
      addresses_max: 60,
      now: () => 0,
      random: () => 0,
    })
    observer.watch(watched.map((address) => ({ address, issued_at_ms: null })))
    expect((await observer.poll({ confirmations: 6, expected: [] })).outputs).toHaveLength(60)
    // All of them are gone, and each is asked about by itself, some in each round.
    for (const txid of txids) chain.evict(txid)
    const gone = new Set<string>()
    for (let round = 0; round < 3; round++) {
      const { outputs } = await observer.poll({ confirmations: 6, expected: [] })
      for (const { tx_hash, in_mempool } of outputs) if (in_mempool === false) gone.add(tx_hash)
    }
    expect(gone).toEqual(new Set(txids))
    expect(most).toBe(4)
  })

  test("is the same for ten thousand addresses as for a hundred", async () => {
    const cost = async (count: number): Promise<number> => {
      const chain = fakeChain()
      const observer = esploraObserver({
        api: chain.api(() => {}),
        network: "regtest",
        tip_age_ms_max: null,
        now: () => 0,
        random: () => 0,
      })
      observer.watch(
        Array.from({ length: count }, (_, n) => ({ address: `address-${n}`, issued_at_ms: null })),
      )
      await observer.poll({ confirmations: 6, expected: [] })
      const before = chain.asked()
      await observer.poll({ confirmations: 6, expected: [] })
      return chain.asked() - before
    }
    expect(await cost(10_000)).toBe(await cost(100))
  })
})
