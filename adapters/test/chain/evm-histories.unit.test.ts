import type { ChainSighting, SeenOutput } from "@landfall/evaluators/funding/facts"
import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { evmObserver } from "../../src/chain/evm-observer.ts"
import { type FakeTransaction, fakeChain, token } from "./evm-fake-chain.ts"

const addresses = [1, 2, 3, 4].map((digit) => `0x${String(digit).repeat(40)}`)
const watched = addresses.slice(0, 3)

const transfers = fc.array(
  fc.record({ to: fc.constantFrom(...addresses), amount: fc.bigInt({ min: 0n, max: 9n }) }),
  { minLength: 1, maxLength: 4 },
)
/** For each block the transfers of its transactions; most blocks are empty. */
const blocks = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.constant([]) },
    { weight: 1, arbitrary: fc.array(transfers, { maxLength: 2 }) },
  ),
  { maxLength: 60 },
)

const step = fc.record({
  /** Of the newest blocks, those that leave the chain first. */
  reorg: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat({ max: 90 }) }),
  /** Whether the transactions that left are mined again. */
  again: fc.boolean(),
  blocks,
  polls: fc.nat({ max: 3 }),
  watch: fc.nat({ max: watched.length }),
})

const settings = fc.record({
  finality: fc.integer({ min: 0, max: 80 }),
  range_max: fc.integer({ min: 1, max: 200 }),
  span: fc.integer({ min: 1, max: 300 }),
})

/** Found once: a search went on from a block that had just left the chain, and what lay below was never looked at again. */
const searchedOnAnotherChain: [
  { finality: number; range_max: number; span: number },
  {
    reorg: number
    again: boolean
    blocks: { to: string; amount: bigint }[][][]
    polls: number
    watch: number
  }[],
  { every: number; depth: number }[],
] = [
  { finality: 1, range_max: 1, span: 1 },
  [{ reorg: 0, again: false, blocks: [[[{ to: watched[0] ?? "", amount: 1n }]]], polls: 0, watch: 0 }],
  [
    { every: 1, depth: 0 },
    { every: 1, depth: 30 },
    { every: 5, depth: 39 },
  ],
]

const shown = (output: SeenOutput): string =>
  `${output.tx_hash}:${output.output_index} ${output.funding_handle} ${output.amount} in ${output.block_hash} at ${output.block_height}`

const givenHistory = (given: { finality: number; range_max: number; span: number }) => {
  const chain = fakeChain(given)
  let now_ms = 1_800_000_000_000
  const observer = evmObserver({
    rpc: chain.rpc,
    chain_id: 100,
    token,
    first_block: 0,
    span_blocks_max: given.span,
    // One part a poll: the history is cut wherever it can be.
    budget_ms: -1,
    tip_age_ms_max: null,
    now: () => {
      now_ms += 60_000
      return now_ms
    },
    random: () => 0,
  })
  let sent = 0
  const transaction = (moves: FakeTransaction["transfers"]): FakeTransaction => ({
    hash: `0x${(++sent).toString(16).padStart(64, "0")}`,
    transfers: moves,
  })
  const pollUntilOk = async (strict = true): Promise<ChainSighting> => {
    for (let poll = 0; poll < 5_000; poll++) {
      const sighting = await observer.poll({ confirmations: 1, expected: [] })
      if (sighting.health.state === "ok") return sighting
      expect(sighting.gone).toEqual([])
      // Nothing that an honest node does takes it down; a chain that changes between two requests may, once.
      if (sighting.health.state === "down" && strict) throw new Error(observer.status().last_error ?? "down")
    }
    throw new Error(`it does not get on: ${observer.status().last_error}`)
  }
  const watch = (count: number) =>
    observer.watch(watched.slice(0, count).map((address) => ({ address, issued_at_ms: null })))
  return { chain, observer, transaction, pollUntilOk, watch }
}

describe("an EVM chain, read in whatever parts", () => {
  test("gives the same transfers however the history is cut, and whenever an address is watched", () =>
    fc.assert(
      fc.asyncProperty(settings, fc.array(step, { maxLength: 6 }), async (given, steps) => {
        const { chain, observer, transaction, pollUntilOk, watch } = givenHistory(given)
        for (const { blocks: mined, polls, watch: count } of steps) {
          for (const moves of mined) chain.mine(moves.map(transaction))
          watch(count)
          for (let poll = 0; poll < polls; poll++) await observer.poll({ confirmations: 1, expected: [] })
        }
        watch(watched.length)
        const { outputs } = await pollUntilOk()
        expect(outputs.map(shown).toSorted()).toEqual([...chain.transfersTo(new Set(watched))].toSorted())
      }),
      { numRuns: 150 },
    ))

  test("follows every reorganisation: what is listed is on the chain, and what was listed and is not is gone", () =>
    fc.assert(
      fc.asyncProperty(
        settings.filter(({ finality }) => finality < 60),
        fc.array(step, { minLength: 1, maxLength: 6 }),
        async (given, steps) => {
          const { chain, observer, transaction, pollUntilOk, watch } = givenHistory(given)
          watch(watched.length)
          const listed = new Set<string>()
          const note = ({ outputs }: ChainSighting) => {
            for (const { tx_hash, output_index } of outputs) listed.add(`${tx_hash}:${output_index}`)
          }
          for (const { reorg, again, blocks: mined, polls } of steps) {
            const height = chain.head()
            const lost = chain.forget(reorg)
            if (again && lost.length > 0) chain.mine(lost)
            for (const moves of mined) chain.mine(moves.map(transaction))
            // A node whose chain is shorter than it was is not followed until it is as long again.
            while (chain.head() < height) chain.mine([])
            for (let poll = 0; poll < polls; poll++)
              note(await observer.poll({ confirmations: 1, expected: [] }))
          }
          const last = await pollUntilOk()
          note(last)
          const present = [...chain.transfersTo(new Set(watched))]
          expect(last.outputs.map(shown).toSorted()).toEqual(present.toSorted())
          const there = new Set(present.map((line) => line.split(" ")[0]))
          const gone = last.gone.map(({ tx_hash, output_index }) => `${tx_hash}:${output_index}`)
          expect(gone.toSorted()).toEqual([...listed].filter((key) => !there.has(key)).toSorted())
        },
      ),
      { numRuns: 150 },
    ))

  test("that changes between any two requests declares nothing gone that is there in the end", () =>
    fc.assert(
      fc.asyncProperty(
        settings.filter(({ finality }) => finality < 60),
        fc.array(step, { minLength: 1, maxLength: 4 }),
        fc.array(fc.record({ every: fc.integer({ min: 1, max: 7 }), depth: fc.nat({ max: 70 }) }), {
          maxLength: 8,
        }),
        async (given, steps, changes) => {
          const { chain, observer, transaction, pollUntilOk, watch } = givenHistory(given)
          watch(watched.length)
          for (const { blocks: mined } of steps) for (const moves of mined) chain.mine(moves.map(transaction))
          for (const { every, depth } of changes) {
            const from = chain.requests()
            chain.between(() => {
              if ((chain.requests() - from) % every !== 0) return
              const height = chain.head()
              const lost = chain.forget(depth)
              chain.mine(lost)
              while (chain.head() <= height) chain.mine([])
            })
            for (let poll = 0; poll < 3; poll++) {
              const { gone } = await observer.poll({ confirmations: 1, expected: [] })
              expect(gone).toEqual([])
            }
          }
          chain.between(null)
          const { outputs, gone } = await pollUntilOk(false)
          expect(gone).toEqual([])
          expect(outputs.map(shown).toSorted()).toEqual([...chain.transfersTo(new Set(watched))].toSorted())
        },
      ),
      { numRuns: 100, examples: [searchedOnAnotherChain] },
    ))

  test("catches up on a long absence in parts, with what is listed bounded by what is not settled", async () => {
    const { chain, observer, transaction, pollUntilOk, watch } = givenHistory({
      finality: 20,
      range_max: 1_000,
      span: 10_000,
    })
    watch(watched.length)
    await observer.poll({ confirmations: 1, expected: [] })
    const [address = ""] = watched
    for (let block = 0; block < 20_000; block++)
      chain.mine(block % 100 === 0 ? [transaction([{ to: address, amount: 1n }])] : [])
    const before = chain.requests()
    expect((await pollUntilOk()).outputs).toHaveLength(200)
    expect(chain.requests() - before).toBeLessThan(200)
    for (let poll = 0; poll < 30; poll++) await pollUntilOk()
    // The last hour of blocks is repeated, the rest was told often enough.
    expect((await pollUntilOk()).outputs).toHaveLength(7)
  })

  test("says nothing about a deposit that is older than what a node must keep", async () => {
    const { chain, observer, pollUntilOk, watch } = givenHistory({
      finality: 20,
      range_max: 10_000,
      span: 10_000,
    })
    watch(1)
    for (let block = 0; block < 121_000; block++) chain.mine([])
    const [old, recent] = ["01", "02"].map((pair) => `0x${pair.repeat(32)}`)
    const expected = [
      { tx_hash: old ?? "", output_index: 0, block_height: 15 },
      { tx_hash: recent ?? "", output_index: 0, block_height: 30 },
    ]
    await observer.poll({ confirmations: 1, expected })
    expect((await pollUntilOk()).gone).toEqual([{ tx_hash: recent, output_index: 0 }])
  })
})
