import { openBridge } from "../../src/bridge/bridge.ts"
import { bitcoindRpc } from "../../src/chain/bitcoin-rpc.ts"
import { esploraApi } from "../../src/chain/esplora-api.ts"
import { eureV2 } from "../../src/chain/evm-eure.ts"
import { evmReader } from "../../src/chain/evm-reader.ts"
import { evmRpc } from "../../src/chain/evm-rpc.ts"
import { genesisBlocks } from "../../src/chain/known-chains.ts"
import { tipWatch } from "../../src/chain/tip-watch.ts"
import { endpoint } from "../../src/config/endpoint.ts"
import { createJsonClient } from "../../src/net/json-client.ts"
import type { OnCall } from "../../src/net/outgoing-call.ts"
import { coinbaseTicker } from "../../src/ticker/coinbase.ts"
import { krakenTicker } from "../../src/ticker/kraken.ts"
import { openTicker } from "../../src/ticker/ticker.ts"
import { openVerifier } from "../../src/verifier/verifier.ts"

/** How a test bounds a question: shorter than any patience. */
export interface Bounds {
  readonly total_timeout_ms: number
  readonly bytes_max: number
  readonly onCall?: OnCall
}

/** A question that an adapter asks another system at an address. */
export interface Question {
  readonly name: string
  /** The label of the calls in the metrics. */
  readonly source: string
  /** An answer that is right with `right` in its place, and wrong with anything else there; to a request's body. */
  readonly answer: (value: string, body: string) => string
  readonly right: string
  readonly concurrency_max?: number
  readonly ask: (url: string, bounds: Bounds) => () => Promise<unknown>
}

const assets = [
  {
    asset_id: "BTC",
    chain: "bitcoin" as const,
    bridge_chain: "btc:mainnet",
    defuse_asset_identifier: "btc:mainnet:native",
  },
]

const bridge = (url: string, bounds: Bounds) =>
  openBridge(createJsonClient({ name: "bridge", endpoint: endpoint(url), ...bounds }), assets, Date.now)

const esplora = (url: string, bounds: Bounds) =>
  esploraApi(createJsonClient({ name: "esplora", endpoint: endpoint(url), ...bounds }))

const evm = (url: string, bounds: Bounds) => evmReader(evmRpc({ endpoint: endpoint(url), ...bounds }), eureV2)

const bitcoind = (url: string, { total_timeout_ms, bytes_max, ...bounds }: Bounds) =>
  bitcoindRpc({
    endpoint: endpoint(url),
    wallet: "watch",
    timeoutMs: total_timeout_ms,
    bytesMax: bytes_max,
    ...bounds,
  })

const rpc = (result: string): string => `{"jsonrpc":"2.0","id":"1","error":null,"result":${result}}`
const hash = "ab".repeat(32)

/** Every adapter that asks another system over HTTP, with a question of each sort. */
export const questions: ReadonlyArray<Question> = [
  {
    name: "bridge, deposits",
    source: "bridge",
    answer: (value) => rpc(`{"deposits":[],"total":${value}}`),
    right: "0",
    ask: (url, bounds) => {
      const { recentDeposits } = bridge(url, bounds)
      return () => recentDeposits("desk.near", "btc:mainnet")
    },
  },
  {
    name: "bridge, address",
    source: "bridge",
    answer: (value) => rpc(`{"address":${value}}`),
    right: '"bc1qdesk"',
    ask: (url, bounds) => {
      const { depositAddress } = bridge(url, bounds)
      return () => depositAddress("desk.near", "btc:mainnet")
    },
  },
  {
    name: "bridge, minimums",
    source: "bridge",
    answer: (value) => rpc(`{"tokens":${value}}`),
    right: "[]",
    ask: (url, bounds) => {
      const { minimumDeposits } = bridge(url, bounds)
      return () => minimumDeposits()
    },
  },
  {
    name: "verifier",
    source: "verifier",
    answer: (value) => `{"result":{"result":[91,34,49,34,93],"block_height":${value},"block_hash":"b"}}`,
    right: "7",
    ask: (url, bounds) => {
      const verifier = openVerifier({ endpoint: endpoint(url), contract_id: "intents.near", ...bounds })
      return () => verifier.balances("desk.near", ["nep141:btc.omft.near"])
    },
  },
  {
    name: "ticker, Kraken",
    source: "ticker",
    answer: (value) => `{"error":${value},"result":{"XXBTZEUR":{"c":["60000.1","1"]}}}`,
    right: "[]",
    ask: (url, bounds) => {
      const ticker = openTicker(krakenTicker, { endpoint: endpoint(url), ...bounds })
      return () => ticker.quotes(["XXBTZEUR"])
    },
  },
  {
    name: "ticker, Coinbase",
    source: "ticker",
    answer: (value) => `{"data":{"amount":${value},"base":"BTC","currency":"EUR"}}`,
    right: '"60000.1"',
    ask: (url, bounds) => {
      const ticker = openTicker(coinbaseTicker, { endpoint: endpoint(url), ...bounds })
      return () => ticker.quotes(["BTC-EUR"])
    },
  },
  {
    name: "Esplora, tip",
    source: "esplora",
    answer: (value) => `[{"id":"${hash}","height":${value},"timestamp":1700000000}]`,
    right: "7",
    ask: (url, bounds) => {
      const api = esplora(url, bounds)
      return () => api.blocks()
    },
  },
  {
    name: "Esplora, address",
    source: "esplora",
    answer: (value) =>
      `[{"txid":"${hash}","vin":[],"vout":[{"value":${value}}],"status":{"confirmed":false}}]`,
    right: "7",
    ask: (url, bounds) => {
      const api = esplora(url, bounds)
      return () => api.transactions("bc1qdesk")
    },
  },
  {
    name: "EVM node",
    source: "evm-node",
    answer: (value) =>
      `[{"id":0,"result":{"number":${value},"hash":"0x${hash}","parentHash":"0x${hash}","timestamp":"0x1"}}]`,
    right: '"0x1"',
    ask: (url, bounds) => {
      const reader = evm(url, bounds)
      return () => reader.blocksAt([1])
    },
  },
  {
    name: "bitcoind",
    source: "bitcoind",
    answer: (value, body) =>
      body.includes("getblockhash")
        ? rpc(`"${genesisBlocks.main}"`)
        : rpc(
            `{"chain":"main","blocks":${value},"headers":1,"bestblockhash":"${hash}","mediantime":1,"initialblockdownload":false}`,
          ),
    right: "1",
    concurrency_max: 4,
    ask: (url, bounds) => {
      const node = bitcoind(url, bounds)
      const { look } = tipWatch(node, { network: "main", tip_age_ms_max: null, now: Date.now })
      return () => look()
    },
  },
]
