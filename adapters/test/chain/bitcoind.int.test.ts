import type { Bitcoind } from "@landfall/setup/parts/bitcoind"
import { jsonRpc } from "@landfall/setup/parts/json-rpc"
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest"
import { endpoint } from "../../src/config/endpoint.ts"
import { examineBitcoin } from "../../src/doctor/systems.ts"
import { givenBitcoind, givenObserver, outputsOf } from "./given-bitcoind.ts"

let node: Bitcoind & AsyncDisposable

beforeAll(async () => {
  node = await givenBitcoind()
}, 120_000)

afterAll(async () => {
  await node?.[Symbol.asyncDispose]()
})

/** bitcoind tells its wallet of a new transaction a few milliseconds after it took it. */
const inWallet = async (txid: string, url = node.url): Promise<string> => {
  const wallet = jsonRpc(`${url}/wallet/landfall-watch`)
  await vi.waitFor(() => wallet("gettransaction", txid), { timeout: 5_000, interval: 5 })
  return txid
}

const newAddress = (): Promise<string> => node.miner<string>("getnewaddress")

const send = (address: string, bitcoin: string): Promise<string> =>
  node.miner<string>("sendtoaddress", address, bitcoin)

const sendSeen = async (address: string, bitcoin: string): Promise<string> =>
  inWallet(await send(address, bitcoin))

/** Raises the fee of an unmined transaction; the new one pays the same address. */
const bump = async (txid: string): Promise<string> =>
  inWallet((await node.miner<{ txid: string }>("bumpfee", txid)).txid)

describe("a deposit on regtest", () => {
  test("is seen in the mempool, mined, and counted, with exact satoshi", async () => {
    const observer = givenObserver(node.url)
    const address = await newAddress()
    observer.watchNow(address)
    expect(await observer.look(6)).toMatchObject({ complete: true, health: { state: "ok" } })
    const txid = await sendSeen(address, "0.12345678")
    const first = await observer.look(6)
    expect(first.complete).toBe(false)
    expect(outputsOf(first, txid)).toMatchObject([
      { funding_handle: address, amount: 12_345_678n, confirmations: 0, in_mempool: true },
    ])
    const [block] = await node.mine(1)
    const second = await observer.look(6)
    expect(outputsOf(second, txid)).toMatchObject([{ confirmations: 1, block_hash: block }])
    await node.mine(1)
    expect(outputsOf(await observer.look(6), txid)).toMatchObject([{ confirmations: 2, block_hash: block }])
  })

  test("to several watched addresses at once is one output each", async () => {
    const observer = givenObserver(node.url)
    const [left, right] = [await newAddress(), await newAddress()]
    observer.watchNow(left, right)
    await observer.look(6)
    const txid = await inWallet(
      await node.miner<string>("sendmany", "", { [left]: 0.1, [right]: 0.00000546 }),
    )
    const seen = outputsOf(await observer.look(6), txid)
    expect(new Map(seen.map((output) => [output.funding_handle, output.amount]))).toEqual(
      new Map([
        [left, 10_000_000n],
        [right, 546n],
      ]),
    )
  })

  test("that came before its address was imported is found in the old blocks and in the mempool", async () => {
    const observer = givenObserver(node.url)
    const address = await newAddress()
    expect((await observer.look(6)).health.state).toBe("ok")
    const mined = await send(address, "1")
    await node.mine(1)
    const unmined = await send(address, "2")
    observer.watchNow(address)
    const sighting = await observer.look(6)
    expect(sighting.complete).toBe(true)
    expect(outputsOf(sighting, mined)).toMatchObject([{ confirmations: 1 }])
    expect(outputsOf(sighting, unmined)).toMatchObject([{ confirmations: 0, in_mempool: true }])
  })

  test("to an address that is added while others are imported is not missed", async () => {
    const observer = givenObserver(node.url)
    const first = await Promise.all(Array.from({ length: 8 }, newAddress))
    observer.watchNow(...first)
    const looking = observer.look(6)
    const late = await newAddress()
    observer.watchNow(...first, late)
    await looking
    const txid = await send(late, "0.9")
    await vi.waitFor(async () => expect(outputsOf(await observer.look(6), txid)).toHaveLength(1))
  })

  test("is still there for an observer that starts anew, whose wallet exists already", async () => {
    const before = givenObserver(node.url)
    const address = await newAddress()
    before.watchNow(address)
    await before.look(6)
    const txid = await sendSeen(address, "0.5")
    await node.mine(1)
    const after = givenObserver(node.url)
    after.watchNow(address)
    const sighting = await after.look(6)
    expect(sighting).toMatchObject({ complete: true, health: { state: "ok" } })
    expect(outputsOf(sighting, txid)).toMatchObject([{ amount: 50_000_000n, confirmations: 1 }])
  })

  test("that is a coinbase says so", async () => {
    const observer = givenObserver(node.url)
    const address = await newAddress()
    observer.watchNow(address)
    await observer.look(6)
    await node.rpc("generatetoaddress", 1, address)
    const { outputs } = await observer.look(6)
    expect(outputs.filter((output) => output.funding_handle === address)).toMatchObject([
      { coinbase: true, confirmations: 1, amount: 5_000_000_000n },
    ])
  })
})

describe("a deposit that is taken back", () => {
  test("by a replacement that pays the same address names its successor", async () => {
    const observer = givenObserver(node.url)
    const address = await newAddress()
    observer.watchNow(address)
    await observer.look(6)
    const txid = await sendSeen(address, "0.7")
    await observer.look(6)
    const successor = await bump(txid)
    const sighting = await observer.look(6)
    expect(outputsOf(sighting, txid)).toMatchObject([{ in_mempool: false, successor_tx_hash: successor }])
    expect(outputsOf(sighting, successor)).toMatchObject([{ in_mempool: true, amount: 70_000_000n }])
    await node.mine(1)
    const gone = { tx_hash: txid, conflicted: true, successor_tx_hash: successor }
    expect((await observer.look(6)).gone).toContainEqual(expect.objectContaining(gone))
  })

  test("by a replacement that pays elsewhere names its successor too", async () => {
    const observer = givenObserver(node.url)
    const address = await newAddress()
    observer.watchNow(address)
    await observer.look(6)
    const { raw, rival } = await rivals(address)
    const txid = await inWallet(await node.rpc<string>("sendrawtransaction", raw))
    expect(outputsOf(await observer.look(6), txid)).toMatchObject([{ in_mempool: true }])
    const successor = await node.rpc<string>("sendrawtransaction", rival)
    expect(outputsOf(await observer.look(6), txid)).toMatchObject([
      { in_mempool: false, successor_tx_hash: successor },
    ])
    // The same is found when the observer was away meanwhile and knows nothing any more.
    const anew = givenObserver(node.url)
    anew.watchNow(address)
    expect(outputsOf(await anew.look(6), txid)).toMatchObject([
      { in_mempool: false, successor_tx_hash: successor },
    ])
    await node.mine(1)
    const gone = { tx_hash: txid, conflicted: true }
    expect((await observer.look(6)).gone).toContainEqual(expect.objectContaining(gone))
    expect((await anew.look(6)).gone).toContainEqual(expect.objectContaining(gone))
  })

  test("by a reorganisation is unmined again, and gone when the new chain has a rival", async () => {
    const observer = givenObserver(node.url)
    const address = await newAddress()
    observer.watchNow(address)
    await observer.look(6)
    const txid = await sendSeen(address, "0.3")
    const [block] = await node.mine(1)
    expect(outputsOf(await observer.look(6), txid)).toMatchObject([{ confirmations: 1 }])
    await node.rpc("invalidateblock", block)
    const unmined = outputsOf(await observer.look(6), txid)
    expect(unmined).toMatchObject([{ confirmations: 0, in_mempool: true }])
    const [other] = await node.mine(1)
    const again = await observer.look(6)
    expect(again.health.state).toBe("ok")
    expect(outputsOf(again, txid)).toMatchObject([{ confirmations: 1, block_hash: other }])
  })

  test("deep below the cursor is still told, from an older cursor or a full listing", async () => {
    const observer = givenObserver(node.url)
    const address = await newAddress()
    observer.watchNow(address)
    await observer.look(6)
    const txid = await sendSeen(address, "0.4")
    const [block] = await node.mine(1)
    await observer.look(1)
    await node.mine(14)
    await observer.look(1)
    expect(outputsOf(await observer.look(1), txid)).toEqual([])
    await node.rpc("invalidateblock", block)
    const sighting = await observer.look(1)
    expect(outputsOf(sighting, txid)).toMatchObject([{ confirmations: 0, in_mempool: false }])
    await node.mine(16)
    expect((await observer.look(1)).health.state).toBe("ok")
    await node.rpc("reconsiderblock", block)
    await observer.look(1)
  })
})

/** Two signed transactions that spend the same coin: one to the address, a dearer one elsewhere. */
const rivals = async (address: string): Promise<{ raw: string; rival: string }> => {
  const [coin] = await node.miner<Array<{ txid: string; vout: number; amount: number }>>("listunspent", 1)
  if (coin === undefined) throw new Error("the miner has no coin")
  const sign = async (to: string, fee: number): Promise<string> => {
    const paid = (coin.amount - fee).toFixed(8)
    const plain = await node.rpc<string>("createrawtransaction", [coin], { [to]: paid }, 0, true)
    return (await node.miner<{ hex: string }>("signrawtransactionwithwallet", plain)).hex
  }
  return { raw: await sign(address, 0.0001), rival: await sign(await newAddress(), 0.001) }
}

describe("the doctor", () => {
  test("says on which chain bitcoind is and how far, and when it is another one or not there", async () => {
    const height = await node.miner<number>("getblockcount")
    const here = endpoint(node.url)
    expect(await examineBitcoin(here, null)).toEqual([
      expect.objectContaining({ state: "ok", says: `${here.shown}: regtest, at block ${height}` }),
    ])
    expect(await examineBitcoin(here, "main")).toEqual([
      expect.objectContaining({ state: "wrong", says: "it runs regtest, and BITCOIN_NETWORK says main" }),
    ])
    expect(await examineBitcoin(endpoint("http://127.0.0.1:9"), null)).toEqual([
      expect.objectContaining({
        state: "wrong",
        todo: "start it, or set BITCOIN_OBSERVER_URL to where it is",
      }),
    ])
  })
})
