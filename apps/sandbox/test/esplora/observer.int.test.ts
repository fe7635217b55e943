import type { Bitcoind } from "@landfall/setup/parts/bitcoind"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import type { EsploraServer } from "../../src/esplora/start.ts"
import { givenChain, givenObserver, outputsOf } from "./given-esplora.ts"

let chain: Awaited<ReturnType<typeof givenChain>>
let node: Bitcoind
let server: EsploraServer

beforeAll(async () => {
  chain = await givenChain()
  node = chain.node
  server = chain.server
}, 120_000)

afterAll(async () => {
  await chain?.[Symbol.asyncDispose]()
})

const newAddress = (): Promise<string> => chain.newAddress()
const send = (address: string, bitcoin: string): Promise<string> =>
  node.miner<string>("sendtoaddress", address, bitcoin)

/** An observer that has read a fresh address once. */
const givenWatched = async () => {
  const observer = givenObserver(server.url)
  const address = await newAddress()
  observer.watchNow(address)
  expect(await observer.look(6)).toMatchObject({
    source: "esplora",
    complete: true,
    outputs: [],
    health: { state: "ok" },
  })
  return { observer, address }
}

describe("a deposit on regtest", () => {
  test("is seen in the mempool, mined, and counted, with exact satoshi", async () => {
    const { observer, address } = await givenWatched()
    const txid = await send(address, "0.12345678")
    expect(outputsOf(await observer.look(6), txid)).toEqual([
      expect.objectContaining({
        funding_handle: address,
        amount: 12_345_678n,
        confirmations: 0,
        in_mempool: true,
      }),
    ])
    const [block] = await node.mine(1)
    const mined = await observer.look(6)
    expect(mined).toMatchObject({ complete: true, health: { state: "ok" } })
    expect(outputsOf(mined, txid)).toMatchObject([
      { confirmations: 1, block_hash: block, block_height: mined.health.tip_height },
    ])
    await node.mine(1)
    expect(outputsOf(await observer.look(6), txid)).toMatchObject([{ confirmations: 2, block_hash: block }])
  })

  test("to several watched addresses at once is one output each", async () => {
    const { observer, address } = await givenWatched()
    const other = await newAddress()
    observer.watchNow(address, other)
    await observer.look(6)
    const txid = await node.miner<string>("sendmany", "", { [address]: 0.1, [other]: 0.00000546 })
    const seen = outputsOf(await observer.look(6), txid)
    expect(new Map(seen.map((output) => [output.funding_handle, output.amount]))).toEqual(
      new Map([
        [address, 10_000_000n],
        [other, 546n],
      ]),
    )
  })

  test("that is a coinbase says so, and is gone for good when its block is orphaned", async () => {
    const { observer, address } = await givenWatched()
    const [orphan] = await node.rpc<string[]>("generatetoaddress", 1, address)
    expect((await observer.look(6)).outputs).toMatchObject([{ coinbase: true, confirmations: 1 }])
    await node.rpc("invalidateblock", orphan)
    await mineEmpty(2)
    expect(await observer.look(6)).toMatchObject({
      complete: true,
      outputs: [{ coinbase: true, confirmations: 0, in_mempool: false }],
      health: { state: "ok" },
    })
  })

  test("twice to one address in one transaction is two outputs, also when the first is spent at once", async () => {
    const { observer, address } = await givenWatched()
    const [spare, own] = [await newAddress(), await node.miner<string>("getnewaddress")]
    const script = async (of: string): Promise<string> =>
      (await node.rpc<{ scriptPubKey: string }>("validateaddress", of)).scriptPubKey
    const coin = await richCoin()
    const change = (coin.amount - 0.3001).toFixed(8)
    const plain = await node.rpc<string>(
      "createrawtransaction",
      [coin],
      [{ [address]: 0.1 }, { [spare]: 0.2 }, { [own]: change }],
    )
    const parent = await node.rpc<string>(
      "sendrawtransaction",
      await sign(plain.replace(await script(spare), await script(address))),
    )
    const outputs = [
      { output_index: 0, amount: 10_000_000n },
      { output_index: 1, amount: 20_000_000n },
    ]
    expect(outputsOf(await observer.look(6), parent)).toMatchObject(outputs)
    // Its sender pays for it with a child, which is no deposit.
    const rest = { txid: parent, vout: 2, amount: Number(change) }
    const child = await node.rpc<string>("sendrawtransaction", await spend(rest, await newAddress(), 0.01))
    const withChild = await observer.look(6)
    expect(outputsOf(withChild, parent)).toMatchObject(outputs)
    expect(outputsOf(withChild, child)).toEqual([])
    const [block] = await node.mine(1)
    expect(outputsOf(await observer.look(6), parent)).toMatchObject(
      outputs.map((output) => ({ ...output, block_hash: block })),
    )
  })

  test("is still there for an observer that starts anew", async () => {
    const { address } = await givenWatched()
    const mined = await send(address, "0.5")
    await node.mine(1)
    const unmined = await send(address, "0.25")
    const anew = givenObserver(server.url)
    anew.watchNow(address)
    const sighting = await anew.look(6)
    expect(sighting).toMatchObject({ complete: true, health: { state: "ok" } })
    expect(outputsOf(sighting, mined)).toMatchObject([{ amount: 50_000_000n, confirmations: 1 }])
    expect(outputsOf(sighting, unmined)).toMatchObject([{ amount: 25_000_000n, in_mempool: true }])
  })
})

describe("a deposit that is taken back", () => {
  test("by a replacement that pays the same address names its successor", async () => {
    const { observer, address } = await givenWatched()
    const txid = await send(address, "0.7")
    await observer.look(6)
    const successor = (await node.miner<{ txid: string }>("bumpfee", txid)).txid
    const replaced = await observer.look(6)
    expect(replaced).toMatchObject({ complete: true, health: { state: "ok" } })
    expect(outputsOf(replaced, txid)).toMatchObject([{ in_mempool: false, successor_tx_hash: successor }])
    expect(outputsOf(replaced, successor)).toMatchObject([{ in_mempool: true, amount: 70_000_000n }])
    await node.mine(1)
    const mined = await observer.look(6)
    expect(outputsOf(mined, txid)).toMatchObject([{ conflicted: true, successor_tx_hash: successor }])
    expect(outputsOf(mined, successor)).toMatchObject([{ confirmations: 1 }])
  })

  test("by a replacement that pays elsewhere names its successor too, unmined and mined", async () => {
    const { observer, address } = await givenWatched()
    const { raw, rival } = await rivals(address)
    const txid = await node.rpc<string>("sendrawtransaction", raw)
    expect(outputsOf(await observer.look(6), txid)).toMatchObject([{ in_mempool: true }])
    const successor = await node.rpc<string>("sendrawtransaction", rival)
    const [replaced] = outputsOf(await observer.look(6), txid)
    expect(replaced).toMatchObject({ in_mempool: false, successor_tx_hash: successor })
    expect(replaced).not.toHaveProperty("conflicted")
    await node.mine(1)
    expect(outputsOf(await observer.look(6), txid)).toMatchObject([
      { in_mempool: false, conflicted: true, successor_tx_hash: successor },
    ])
  })

  test("by a rival that a miner took and no mempool had names it", async () => {
    const { observer, address } = await givenWatched()
    const { raw, rival } = await rivals(address)
    const txid = await node.rpc<string>("sendrawtransaction", raw)
    expect(outputsOf(await observer.look(6), txid)).toMatchObject([{ in_mempool: true }])
    await node.rpc("generateblock", await newAddress(), [rival])
    const { txid: successor } = await node.rpc<{ txid: string }>("decoderawtransaction", rival)
    expect(outputsOf(await observer.look(6), txid)).toMatchObject([
      { in_mempool: false, conflicted: true, successor_tx_hash: successor },
    ])
  })

  test("by expiry is gone only when it was missed for a while, and returns", async () => {
    const observer = givenObserver(server.url, { absence_ms: 10_000 })
    const address = await newAddress()
    observer.watchNow(address)
    await observer.look(6)
    const txid = await send(address, "0.6")
    await observer.look(6)
    const { hex } = await node.miner<{ hex: string }>("gettransaction", txid)
    await expire()
    const first = await observer.look(6)
    expect(first).toMatchObject({ complete: false, gone: [], health: { state: "ok" } })
    expect(outputsOf(first, txid)).toEqual([])
    observer.pass(9_999)
    expect(outputsOf(await observer.look(6), txid)).toEqual([])
    observer.pass(1)
    const [dropped] = outputsOf(await observer.look(6), txid)
    expect(dropped).toMatchObject({ in_mempool: false })
    expect(dropped).not.toHaveProperty("successor_tx_hash")
    await node.rpc("sendrawtransaction", hex)
    expect(outputsOf(await observer.look(6), txid)).toMatchObject([{ in_mempool: true }])
    await node.mine(1)
    expect(outputsOf(await observer.look(6), txid)).toMatchObject([{ confirmations: 1 }])
  })

  test("before a restart is known by name only, and gone when it was missed for a while", async () => {
    const observer = givenObserver(server.url, { absence_ms: 10_000 })
    observer.watchNow(await newAddress())
    const tx_hash = "ab".repeat(32)
    observer.expect({ tx_hash, output_index: 3 })
    expect(await observer.look(6)).toMatchObject({ complete: false, gone: [], health: { state: "ok" } })
    observer.pass(10_000)
    expect(await observer.look(6)).toMatchObject({ complete: true, gone: [{ tx_hash, output_index: 3 }] })
  })
})

test("a server that is behind what was recorded before a restart takes nothing back before it is as high", async () => {
  const observer = givenObserver(server.url)
  observer.watchNow(await newAddress())
  const tx_hash = "cd".repeat(32)
  observer.expect({ tx_hash, output_index: 0 })
  observer.recordedAt((await node.rpc<number>("getblockcount")) + 1)
  expect(await observer.look(6)).toMatchObject({ complete: false, gone: [], health: { state: "lagging" } })
  expect(observer.status().last_error).toMatch(/the newest block is at \d+, and at \d+ when/)
  await node.mine(1)
  expect(await observer.look(6)).toMatchObject({
    complete: true,
    gone: [{ tx_hash }],
    health: { state: "ok" },
  })
})

describe("a reorganisation", () => {
  test("is believed when the new chain is longer, and then has the deposit in its new block", async () => {
    const { observer, address } = await givenWatched()
    const txid = await send(address, "0.3")
    const [block] = await node.mine(1)
    expect(outputsOf(await observer.look(6), txid)).toMatchObject([{ block_hash: block }])
    await node.rpc("invalidateblock", block)
    const shorter = await observer.look(6)
    expect(shorter).toMatchObject({ outputs: [], gone: [], complete: false, health: { state: "lagging" } })
    expect(observer.status().last_error).toContain("a better chain is longer")
    const [other] = await node.mine(1)
    expect(await observer.look(6)).toMatchObject({
      outputs: [],
      complete: false,
      health: { state: "lagging" },
    })
    await node.mine(1)
    const again = await observer.look(6)
    expect(again).toMatchObject({ complete: true, health: { state: "ok" } })
    expect(outputsOf(again, txid)).toMatchObject([{ confirmations: 2, block_hash: other }])
  })

  test("puts the deposit back into the mempool, or lets a rival take its place", async () => {
    const { observer, address } = await givenWatched()
    const { raw, rival } = await rivals(address)
    const txid = await node.rpc<string>("sendrawtransaction", raw)
    const [block] = await node.mine(1)
    await observer.look(6)
    await node.rpc("invalidateblock", block)
    await mineEmpty(2)
    const unmined = await observer.look(6)
    expect(unmined).toMatchObject({ complete: true, health: { state: "ok" } })
    expect(outputsOf(unmined, txid)).toMatchObject([{ confirmations: 0, in_mempool: true }])
    const successor = await node.rpc<string>("sendrawtransaction", rival)
    await node.mine(1)
    expect(outputsOf(await observer.look(6), txid)).toMatchObject([
      { conflicted: true, successor_tx_hash: successor },
    ])
  })

  test("deeper than anything that is read again is still found out, also of what the server still serves", async () => {
    const { observer, address } = await givenWatched()
    const { raw } = await rivals(address)
    const txid = await node.rpc<string>("sendrawtransaction", raw)
    const [block] = await node.mine(1)
    await observer.look(1)
    await node.mine(14)
    expect(outputsOf(await observer.look(1), txid)).toMatchObject([{ confirmations: 15 }])
    await node.rpc("invalidateblock", block)
    await node.mine(17)
    // So deep, nothing comes back to the mempool; the server has the transaction, as one that is not mined.
    const answer = await fetch(`${server.url}/tx/${txid}`)
    expect(await answer.json()).toMatchObject({ txid, status: { confirmed: false } })
    const sighting = await observer.look(1)
    expect(sighting).toMatchObject({ complete: true, health: { state: "ok" } })
    expect(outputsOf(sighting, txid)).toMatchObject([{ confirmations: 0, in_mempool: false }])
    await node.rpc("sendrawtransaction", raw)
    expect(outputsOf(await observer.look(1), txid)).toMatchObject([{ confirmations: 0, in_mempool: true }])
    await node.mine(1)
  })
})

interface Coin {
  readonly txid: string
  readonly vout: number
  readonly amount: number
}

const richCoin = async (): Promise<Coin> => {
  const [coin] = await node.miner<Coin[]>("listunspent", 1, 9_999_999, [], true, { minimumAmount: 1 })
  if (coin === undefined) throw new Error("the miner has no coin")
  return coin
}

const sign = async (raw: string): Promise<string> =>
  (await node.miner<{ hex: string }>("signrawtransactionwithwallet", raw)).hex

/** Spends the coin to the address, but for the fee; signed and not sent. */
const spend = async (coin: Coin, to: string, fee: number): Promise<string> => {
  const paid = (coin.amount - fee).toFixed(8)
  return sign(await node.rpc<string>("createrawtransaction", [coin], { [to]: paid }, 0, true))
}

/** Two signed transactions that spend the same coin: one to the address, a dearer one elsewhere. */
const rivals = async (address: string): Promise<{ raw: string; rival: string }> => {
  const coin = await richCoin()
  return { raw: await spend(coin, address, 0.0001), rival: await spend(coin, await newAddress(), 0.001) }
}

const mineEmpty = async (count: number): Promise<void> => {
  for (let mined = 0; mined < count; mined++) await node.rpc("generateblock", await newAddress(), [])
}

/** Lets more time pass for the node than it keeps a transaction; it looks at the times when one comes in. */
const expire = async (): Promise<void> => {
  const fifteenDays_s = 15 * 86_400
  await node.rpc("setmocktime", Math.floor(Date.now() / 1000) + fifteenDays_s)
  await send(await newAddress(), "0.01")
  await node.rpc("setmocktime", 0)
}
