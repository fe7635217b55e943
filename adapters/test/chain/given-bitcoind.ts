import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { ChainSighting, SeenOutput } from "@landfall/evaluators/funding/facts"
import type { ExpectedOutput } from "@landfall/evaluators/funding/watch-plan"
import { type Bitcoind, startBitcoind } from "@landfall/setup/parts/bitcoind"
import { bitcoindRpc } from "../../src/chain/bitcoin-rpc.ts"
import { bitcoindObserver } from "../../src/chain/bitcoind.ts"
import type { BitcoinNetwork } from "../../src/chain/known-chains.ts"
import { endpoint } from "../../src/config/endpoint.ts"

/** A real bitcoind on a chain of its own, in a folder that goes away with it. */
export const givenBitcoind = async (
  args: ReadonlyArray<string> = [],
): Promise<Bitcoind & AsyncDisposable & { readonly dir: string }> => {
  const dir = await mkdtemp(join(tmpdir(), "landfall-bitcoind-"))
  const bitcoind = await startBitcoind({ dir, args })
  return Object.assign(bitcoind, {
    dir,
    [Symbol.asyncDispose]: async () => {
      await bitcoind.stop()
      await rm(dir, { recursive: true, force: true })
    },
  })
}

/** An observer of that node, as a freshly started process would have it. */
export const givenObserver = (
  url: string,
  changes: { wallet?: string; network?: BitcoinNetwork; timeoutMs?: number; tip_age_ms_max?: number } = {},
) => {
  const {
    wallet = "landfall-watch",
    network = "regtest",
    tip_age_ms_max = null,
    timeoutMs = 15_000,
  } = changes
  const observer = bitcoindObserver({
    rpc: bitcoindRpc({ endpoint: endpoint(url), wallet, timeoutMs }),
    wallet,
    network,
    tip_age_ms_max,
    now: Date.now,
    random: () => 0,
  })
  const expected = new Map<string, ExpectedOutput>()
  return {
    ...observer,
    /** Polls, and expects at the next poll what was seen unmined or `confirmations` deep at most at this one. */
    look: async (confirmations: number): Promise<ChainSighting> => {
      const sighting = await observer.poll({ confirmations, expected: [...expected.values()] })
      for (const { tx_hash, output_index, block_height } of sighting.outputs)
        expected.set(`${tx_hash}:${output_index}`, {
          tx_hash,
          output_index,
          ...(block_height === undefined ? {} : { block_height }),
        })
      return sighting
    },
    watchNow: (...addresses: ReadonlyArray<string>) =>
      observer.watch(addresses.map((address) => ({ address, issued_at_ms: Date.now() - 3_600_000 }))),
  }
}

/** The outputs of one transaction in a sighting. */
export const outputsOf = (sighting: ChainSighting, txid: string): ReadonlyArray<SeenOutput> =>
  sighting.outputs.filter((output) => output.tx_hash === txid)
