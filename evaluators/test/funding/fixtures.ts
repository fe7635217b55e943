import { amount } from "@landfall/domain/amount"
import { recordDecoder, recordEncoder } from "@landfall/domain/codec"
import {
  type FundingObservation,
  fundingObservationTopic,
  type ObserverState,
} from "@landfall/domain/topics/funding-observation"
import { foldInto } from "@landfall/projections/fold"
import { type FundingTransfer, fundingTransfer } from "@landfall/projections/funding-transfer"
import { expect } from "vitest"
import { decideObservations } from "../../src/funding/decide-observations.ts"
import type { BridgeDeposit, ChainSighting, FundingFacts, SeenOutput } from "../../src/funding/facts.ts"
import type { FundingPolicy } from "../../src/funding/policy.ts"

export const handleA = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080"
export const handleB = "bcrt1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3qzf4jry"
export const account = "desk.near"
export const start_ms = Date.parse("2026-11-23T09:00:00.000Z")
export const minute_ms = 60_000

export const policy: FundingPolicy = {
  assets: [
    {
      asset_id: "BTC",
      chain: "bitcoin",
      confirmations: [
        { from_amount: amount(0n), confirmations: 2 },
        { from_amount: amount(100_000_000n), confirmations: 6 },
      ],
      min_deposit_amount: amount(10_000n),
    },
  ],
  match_window_ms: 60 * minute_ms,
}

export const handles = [handleA, handleB].map((funding_handle) => ({
  account_id: account,
  asset_id: "BTC",
  chain: "bitcoin" as const,
  funding_handle,
}))

/** A hash made of one repeated hexadecimal digit pair. */
export const hash = (pair: string): string => pair.repeat(32)

export const output = (changes: Partial<SeenOutput> = {}): SeenOutput => ({
  tx_hash: hash("aa"),
  output_index: 0,
  funding_handle: handleA,
  amount: amount(50_000n),
  confirmations: 0,
  in_mempool: true,
  ...changes,
})

/** An output in a block; the block's hash is made of its height unless given. */
export const mined = (confirmations: number, changes: Partial<SeenOutput> = {}): SeenOutput => {
  const { in_mempool: _unmined, ...rest } = output(changes)
  return { ...rest, confirmations, block_hash: changes.block_hash ?? hash("b0"), block_height: 100 }
}

export const row = (changes: Partial<BridgeDeposit> = {}): BridgeDeposit => ({
  tx_hash: hash("aa"),
  chain: "bitcoin",
  asset_id: "BTC",
  address: handleA,
  amount: amount(50_000n),
  account_id: account,
  status: "COMPLETED",
  ...changes,
})

export interface Seen {
  readonly outputs?: ReadonlyArray<SeenOutput>
  readonly bridge?: ReadonlyArray<BridgeDeposit>
  readonly state?: ObserverState
  readonly complete?: boolean
  readonly gone?: ChainSighting["gone"]
}

export const facts = (seen: Seen): FundingFacts => ({
  chains: {
    bitcoin: {
      source: "bitcoind",
      health: { state: seen.state ?? "ok", tip_height: 101, tip_at: "2026-11-23T08:59:00.000Z" },
      outputs: seen.outputs ?? [],
      gone: seen.gone ?? [],
      complete: seen.complete ?? false,
    },
  },
  bridge: seen.bridge ?? [],
  handles,
})

const encode = recordEncoder(fundingObservationTopic)
const decode = recordDecoder(fundingObservationTopic)

/** A desk that polls: each poll is decided, written, read back and folded, a minute after the one before. */
export const desk = (deskPolicy: FundingPolicy = policy) => {
  const transfers = new Map<string, FundingTransfer>()
  let now_ms = start_ms
  const poll = (seen: Seen): ReadonlyArray<FundingObservation> => {
    now_ms += minute_ms
    const decided = decideObservations(transfers, facts(seen), deskPolicy, now_ms)
    const read = decided.map((observation) => {
      const decoded = decode(new TextEncoder().encode(encode(observation)))
      if (!decoded.ok) throw new Error(`the topic would refuse this: ${decoded.reason}`)
      return decoded.record
    })
    foldInto(fundingTransfer, transfers, read)
    expect(decideObservations(transfers, facts(seen), deskPolicy, now_ms + 1)).toEqual([])
    return read
  }
  const only = (): FundingTransfer => {
    const [first, ...others] = transfers.values()
    if (first === undefined || others.length > 0)
      throw new Error(`expected one transfer, got ${transfers.size}`)
    return first
  }
  return { poll, only, transfers, time_ms: () => now_ms }
}
