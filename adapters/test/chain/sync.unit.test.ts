import { expect, test } from "vitest"
import { type BitcoindCall, BitcoindError, type BitcoindMethod } from "../../src/chain/bitcoin-rpc.ts"
import { bitcoindObserver } from "../../src/chain/bitcoind.ts"
import { genesisBlocks } from "../../src/chain/known-chains.ts"

const block = (height: number): string => height.toString(16).padStart(64, "0")
const txid = "aa".repeat(32)
const notFound = new BitcoindError("refused", "not found (-5)", { code: -5 })

/** A node in memory with one unmined deposit, whose answers the test changes. */
const givenNode = () => {
  const node = {
    height: 100,
    headers: 100,
    initialblockdownload: false,
    known: new Set([block(100)]),
    inMempool: true,
    mempoolLoaded: true,
    /** Called when the mempool is asked. */
    onMempool: () => {},
    calls: [] as BitcoindMethod[],
  }
  const info = () => ({
    chain: "regtest",
    blocks: node.height,
    headers: node.headers,
    bestblockhash: block(node.height),
    initialblockdownload: node.initialblockdownload,
    mediantime: 1_700_000_000,
  })
  const deposit = {
    address: "bcrt1qdesk",
    category: "receive",
    amount: 0.5,
    vout: 0,
    confirmations: 0,
    txid,
  }
  const answer = (method: BitcoindMethod, parameters: ReadonlyArray<unknown>): unknown => {
    node.calls.push(method)
    switch (method) {
      case "getblockchaininfo":
        return info()
      case "getblockhash":
        return genesisBlocks.regtest
      case "getbestblockhash":
        return block(node.height)
      case "getblockheader":
        if (!node.known.has(String(parameters[0]))) throw notFound
        return { confirmations: -1 }
      case "listwallets":
        return ["w"]
      case "getwalletinfo":
        return { walletname: "w", private_keys_enabled: false, descriptors: true, scanning: false }
      case "listdescriptors":
        return { descriptors: [{ desc: "addr(bcrt1qdesk)#x" }] }
      case "listsinceblock":
        return { transactions: [deposit], removed: [], lastblock: block(node.height) }
      case "getmempoolinfo":
        return { loaded: node.mempoolLoaded }
      case "getmempoolentry": {
        const present = node.inMempool
        node.onMempool()
        return present ? { time: 1_700_000_000 } : notFound
      }
      default:
        return notFound
    }
  }
  const observer = bitcoindObserver({
    rpc: {
      shown: "node",
      call: async (method, parameters = []) => answer(method, parameters),
      batch: async (calls: ReadonlyArray<BitcoindCall>) =>
        calls.map(({ method, parameters }) => answer(method, parameters)),
    },
    wallet: "w",
    network: "regtest",
    tip_age_ms_max: null,
    now: () => 1_700_000_000_000,
    random: () => 0,
  })
  const look = async () => {
    const sighting = await observer.poll({ confirmations: 2, expected: [] })
    return { state: sighting.health.state, in_mempool: sighting.outputs[0]?.in_mempool }
  }
  return { node, look, status: observer.status }
}

test("a node in its initial download, or with headers ahead of its blocks, is lagging", async () => {
  const { node, look, status } = givenNode()
  expect(await look()).toEqual({ state: "ok", in_mempool: true })
  node.headers = 101
  expect((await look()).state).toBe("lagging")
  expect(status().last_error).toBe("the node has 100 of 101 blocks")
  node.headers = 100
  node.initialblockdownload = true
  expect((await look()).state).toBe("lagging")
})

test("a node that has lost blocks is lagging until it is as far as it was; one that left a fork is not", async () => {
  const { node, look, status } = givenNode()
  const goTo = (height: number): void => {
    node.height = height
    node.headers = height
  }
  await look()
  goTo(99)
  expect((await look()).state).toBe("ok")
  goTo(100)
  node.known.clear()
  await look()
  goTo(98)
  expect((await look()).state).toBe("lagging")
  expect(status().last_error).toMatch(/at height 98 and does not know block .* at 100/)
  goTo(100)
  expect((await look()).state).toBe("ok")
})

test("a transaction that is missing while the node loads its mempool is not called gone by a healthy node", async () => {
  const { node, look, status } = givenNode()
  await look()
  node.inMempool = false
  node.mempoolLoaded = false
  expect(await look()).toEqual({ state: "lagging", in_mempool: false })
  expect(status().last_error).toMatch(/loading its mempool/)
  node.mempoolLoaded = true
  expect(await look()).toEqual({ state: "ok", in_mempool: false })
})

test("a block that comes while the mempool is asked takes the transaction out of it: the look is made again", async () => {
  const { node, look } = givenNode()
  await look()
  node.inMempool = false
  node.onMempool = () => {
    node.height = 101
    node.headers = 101
    node.inMempool = true
    node.onMempool = () => {}
  }
  expect(await look()).toEqual({ state: "ok", in_mempool: true })
})

test("with a block at every look nothing is concluded from what the mempool lacks", async () => {
  const { node, look } = givenNode()
  await look()
  node.inMempool = false
  node.onMempool = () => {
    node.height++
    node.headers = node.height
  }
  expect(await look()).toEqual({ state: "ok", in_mempool: undefined })
})

test("a look at one healthy deposit costs two calls and one batch, and no listing from the beginning", async () => {
  const { node, look } = givenNode()
  await look()
  node.calls.length = 0
  await look()
  expect(node.calls).toEqual(["getblockchaininfo", "listsinceblock", "getmempoolentry"])
})
