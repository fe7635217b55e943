import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { esploraObserver } from "@landfall/adapters/chain/esplora"
import { esploraApi } from "@landfall/adapters/chain/esplora-api"
import type { BitcoinNetwork } from "@landfall/adapters/chain/known-chains"
import type { ChainObserver } from "@landfall/adapters/chain/observer"
import { endpoint } from "@landfall/adapters/config/endpoint"
import { createJsonClient } from "@landfall/adapters/net/json-client"
import { type Bitcoind, startBitcoind } from "@landfall/setup/parts/bitcoind"
import { type EsploraServer, startEsplora } from "../../src/esplora/start.ts"

type ChainSighting = Awaited<ReturnType<ChainObserver["poll"]>>
type SeenOutput = ChainSighting["outputs"][number]
type ExpectedOutput = Parameters<ChainObserver["poll"]>[0]["expected"][number]

export interface GivenChain extends AsyncDisposable {
  readonly node: Bitcoind
  readonly server: EsploraServer
  /** Addresses that were never used, and that are in no wallet: a wallet writes to the disk at each payment. */
  readonly newAddresses: (count: number) => Promise<ReadonlyArray<string>>
  readonly newAddress: () => Promise<string>
}

/** Coins of the miner that can be spent at once. */
const matureCoins = 10

/** A real bitcoind on a chain of its own with an Esplora-shaped server over it. */
export const givenChain = async (): Promise<GivenChain> => {
  const dir = await mkdtemp(join(tmpdir(), "landfall-esplora-"))
  const node = await startBitcoind({ dir })
  await node.mine(matureCoins)
  const server = await startEsplora({ bitcoindUrl: node.url })
  const newAddresses = await derivedAddresses(node)
  return {
    node,
    server,
    newAddresses,
    newAddress: async () => (await newAddresses(1))[0] ?? "",
    [Symbol.asyncDispose]: async () => {
      await server.stop()
      await node.stop()
      await rm(dir, { recursive: true, force: true })
    },
  }
}

/** Far beyond the addresses that the wallet itself looks at. */
const firstIndex = 1_000_000

const derivedAddresses = async (node: Bitcoind): Promise<GivenChain["newAddresses"]> => {
  const { descriptors } = await node.miner<{ descriptors: Array<{ desc: string }> }>("listdescriptors")
  const desc = descriptors.find((one) => one.desc.startsWith("wpkh("))?.desc
  if (desc === undefined) throw new Error("the miner has no descriptor of witness key hashes")
  let next = firstIndex
  return async (count) => {
    const from = next
    next += count
    return await node.rpc<string[]>("deriveaddresses", desc, [from, next - 1])
  }
}

/** An observer of that server, as a freshly started process would have it. Its clock moves when it is told. */
export const givenObserver = (
  url: string,
  changes: {
    network?: BitcoinNetwork
    addresses_max?: number
    absence_ms?: number
    interval_ms?: number
    tip_age_ms_max?: number
    total_timeout_ms?: number
  } = {},
) => {
  let now_ms = Date.now()
  const { network = "regtest", tip_age_ms_max = null, total_timeout_ms = 15_000, ...others } = changes
  const observer = esploraObserver({
    api: esploraApi(
      createJsonClient({
        name: "esplora",
        endpoint: endpoint(url),
        headers_timeout_ms: total_timeout_ms,
        total_timeout_ms,
      }),
    ),
    network,
    tip_age_ms_max,
    absence_ms: 0,
    ...others,
    now: () => now_ms,
    random: () => 0,
  })
  return {
    ...expecting(observer),
    pass: (ms: number) => {
      now_ms += ms
    },
  }
}

/** The observer, asked as the liquidity manager asks it. */
export const expecting = (observer: ChainObserver) => {
  const expected = new Map<string, ExpectedOutput>()
  let recorded_tip_height = 0
  return {
    ...observer,
    /** Something is recorded from before a restart, when the tip was so high. */
    recordedAt: (tip_height: number) => {
      recorded_tip_height = tip_height
    },
    /** What is recorded from before a restart. */
    expect: (output: ExpectedOutput) => expected.set(`${output.tx_hash}:${output.output_index}`, output),
    /** Polls, and expects at the next poll what was seen at this one. */
    look: async (confirmations: number): Promise<ChainSighting> => {
      const sighting = await observer.poll({
        confirmations,
        expected: [...expected.values()],
        recorded_tip_height,
      })
      for (const { tx_hash, output_index, block_height } of sighting.outputs)
        expected.set(`${tx_hash}:${output_index}`, {
          tx_hash,
          output_index,
          ...(block_height === undefined ? {} : { block_height }),
        })
      return sighting
    },
    watchNow: (...addresses: ReadonlyArray<string>) =>
      observer.watch(addresses.map((address) => ({ address, issued_at_ms: null }))),
  }
}

/** The outputs of one transaction in a sighting. */
export const outputsOf = (sighting: ChainSighting, txid: string): ReadonlyArray<SeenOutput> =>
  sighting.outputs.filter((output) => output.tx_hash === txid)
