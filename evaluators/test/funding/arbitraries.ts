import { amount } from "@landfall/domain/amount"
import fc from "fast-check"
import type { BridgeDeposit, SeenOutput } from "../../src/funding/facts.ts"
import { handleA, handleB, hash, minute_ms, output, row, type Seen, start_ms } from "./fixtures.ts"

// Few values, so that hashes, addresses and amounts collide often.
const txHash = fc.constantFrom(hash("aa"), hash("bb"), hash("cc"))
const handle = fc.constantFrom(handleA, handleB)
const units = fc.constantFrom(1n, 2n, 3n).map((count) => amount(count * 10_000n))
const time_ms = fc.integer({ min: -90, max: 90 }).map((minutes) => start_ms + minutes * minute_ms)

/** An output in any state, also in ones that no chain would show one after the other. */
export const anyOutput: fc.Arbitrary<SeenOutput> = fc
  .record({
    tx_hash: txHash,
    output_index: fc.nat({ max: 1 }),
    funding_handle: handle,
    amount: units,
    chain_time_ms: time_ms,
    coinbase: fc.constant(false),
  })
  .chain((identity) =>
    fc.oneof(
      fc
        .record({ confirmations: fc.integer({ min: 1, max: 4 }), block: fc.constantFrom("b0", "b1") })
        .map(({ confirmations, block }) => {
          const { in_mempool: _unmined, ...rest } = output(identity)
          return { ...rest, confirmations, block_hash: hash(block), block_height: 100 }
        }),
      fc.boolean().map((in_mempool) => output({ ...identity, in_mempool })),
      fc.constant(output({ ...identity, in_mempool: false, successor_tx_hash: hash("dd") })),
      fc.constant(output({ ...identity, conflicted: true })),
    ),
  )

export const anyRow: fc.Arbitrary<BridgeDeposit> = fc
  .record({
    tx_hash: fc.option(fc.constantFrom(hash("aa"), hash("BB"), hash("ee"), "internal-17")),
    address: fc.option(handle, { freq: 10 }),
    amount: units,
    status: fc.constantFrom("PENDING", "COMPLETED", "CREDITED", "FAILED", "UNDER_REVIEW"),
    created: fc.option(time_ms),
  })
  .map(({ created, ...changes }) =>
    row({ ...changes, ...(created === null ? {} : { created_at_ms: created }) }),
  )

/** One poll: any listing from an observer in any state, and any rows. */
export const anySeen: fc.Arbitrary<Seen> = fc.record({
  outputs: fc.array(anyOutput, { maxLength: 5 }),
  bridge: fc.array(anyRow, { maxLength: 4 }),
  state: fc.constantFrom("ok", "ok", "ok", "lagging", "down", "paused"),
  complete: fc.boolean(),
  gone: fc.array(fc.record({ tx_hash: txHash, output_index: fc.nat({ max: 1 }), conflicted: fc.boolean() }), {
    maxLength: 1,
  }),
})

export const anyHistory: fc.Arbitrary<ReadonlyArray<Seen>> = fc.array(anySeen, { minLength: 1, maxLength: 8 })

/** A bridge that forgets no row and takes no credit back: each poll lists all rows so far, some further on. */
export const bridgeHistory: fc.Arbitrary<ReadonlyArray<Seen>> = fc
  .array(fc.record({ seen: anySeen, credits: fc.nat({ max: 3 }) }), { minLength: 1, maxLength: 6 })
  .map((polls) => {
    let rows: BridgeDeposit[] = []
    return polls.map(({ seen, credits }) => {
      rows = [...rows, ...(seen.bridge ?? [])].map((known, index) =>
        index < credits ? { ...known, status: "COMPLETED" } : known,
      )
      return { ...seen, bridge: rows }
    })
  })
