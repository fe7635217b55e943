import type { Bitcoind } from "@landfall/setup/parts/bitcoind"
import { jsonRpc } from "@landfall/setup/parts/json-rpc"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { credit, givenDesk, senderOf } from "./bitcoin-desk.ts"
import { givenBitcoind } from "./given-bitcoind.ts"

let node: Bitcoind & AsyncDisposable
let sender: ReturnType<typeof senderOf>

beforeAll(async () => {
  // The smallest mempool there is, so that it can be filled.
  node = await givenBitcoind(["-maxmempool=5"])
  sender = senderOf(node)
  // Coins that no test takes from another.
  await node.mine(30)
}, 120_000)

afterAll(async () => {
  await node?.[Symbol.asyncDispose]()
})

const statusesOf = (rows: ReadonlyArray<{ readonly status: string }>) => rows.map(({ status }) => status)

describe("a deposit whose coin is spent by another transaction", () => {
  test("is replaced by one that still pays us: two transfers, of which one is counted", async () => {
    const address = await sender.newAddress()
    const desk = await givenDesk(node, address)
    const first = await sender.send(address, "0.7")
    expect(await desk.summaryWith(first)).toEqual(["seen (first_seen)"])
    const { txid: second } = await node.miner<{ txid: string }>("bumpfee", first)
    expect(await desk.summaryWith(second)).toEqual(["replaced (replaced)", "seen (first_seen)"])
    expect(desk.of(first)).toMatchObject([{ successor_tx_hash: second }])
    await node.mine(2)
    await desk.look()
    expect(statusesOf([...desk.of(first), ...desk.of(second)])).toEqual(["conflicted", "confirmed"])
  })

  test("is replaced by one that pays elsewhere, and conflicted when that one is mined", async () => {
    const address = await sender.newAddress()
    const desk = await givenDesk(node, address)
    const { raw, rival } = await sender.rivals(address)
    const txid = await sender.broadcast(raw)
    expect(await desk.summaryWith(txid)).toEqual(["seen (first_seen)"])
    const successor = await sender.broadcast(rival)
    expect(await desk.summary()).toEqual(["replaced (replaced)"])
    expect(desk.of(txid)).toMatchObject([{ successor_tx_hash: successor }])
    await node.mine(1)
    expect(await desk.summary()).toEqual(["conflicted (conflicted)"])
    expect(desk.of(txid)).toMatchObject([{ successor_tx_hash: successor }])
  })

  test("is conflicted by a rival that a miner took and no mempool had", async () => {
    const address = await sender.newAddress()
    const desk = await givenDesk(node, address)
    const { raw, rival } = await sender.rivals(address)
    expect(await desk.summaryWith(await sender.broadcast(raw))).toEqual(["seen (first_seen)"])
    const block = await sender.mineOnly(rival)
    expect(await desk.summary()).toEqual(["conflicted (conflicted)"])
    // The rival's block leaves the chain, and the deposit is sent again.
    await node.rpc("invalidateblock", block)
    expect(await desk.summary()).not.toContain("conflicted (conflicted)")
    await sender.mineOnly(raw)
    expect(await desk.summary()).toEqual(["confirming (returned)"])
  })

  test("is conflicted when another chain has the rival in the place of it", async () => {
    const address = await sender.newAddress()
    const desk = await givenDesk(node, address)
    const { raw, rival } = await sender.rivals(address)
    const block = await sender.mineOnly(raw)
    expect(await desk.summary()).toEqual(["confirming (first_seen)"])
    await node.rpc("invalidateblock", block)
    await sender.mineOnly(rival)
    await sender.mineOnly()
    await desk.look()
    expect(statusesOf([...desk.transfers.values()])).toEqual(["conflicted"])
  })
})

describe("a deposit whose block leaves the chain", () => {
  test("is reorged, and confirming again in another block, under its own id", async () => {
    const address = await sender.newAddress()
    const desk = await givenDesk(node, address)
    const txid = await sender.send(address, "0.3")
    const [block] = await node.mine(1)
    expect(await desk.summary()).toEqual(["confirming (first_seen)"])
    await node.rpc("invalidateblock", block)
    expect(await desk.summary()).toEqual(["reorged (reorged)"])
    await node.mine(2)
    expect(await desk.summary()).toEqual(["confirmed (returned)"])
    const moved = await sender.blockOf(txid)
    // Mined again elsewhere between two looks: it has moved, and was not gone for anybody who looked.
    await node.rpc("invalidateblock", moved)
    await node.mine(2)
    expect(await desk.summary()).toEqual(["confirmed (reorged)"])
    expect(desk.of(txid)).toMatchObject([{ block_hash: await sender.blockOf(txid) }])
    expect(desk.transfers.size).toBe(1)
  })

  test("while Landfall starts anew is not reorged before the node is as high as it was when that was recorded", async () => {
    const address = await sender.newAddress()
    const desk = await givenDesk(node, address)
    await sender.send(address, "0.1")
    const [block] = await node.mine(1)
    expect(await desk.summary()).toEqual(["confirming (first_seen)"])
    // As a node that was restored from a copy of yesterday, and is on its way.
    await node.rpc("invalidateblock", block)
    desk.restart()
    expect(await desk.look()).toEqual([])
    expect(desk.health()).toBe("lagging")
    expect(desk.lastError()).toMatch(
      /the newest block is at \d+, and at \d+ when a deposit was last recorded/,
    )
    await sender.mineOnly()
    expect(await desk.summary()).toEqual(["reorged (reorged)"])
    await node.mine(1)
    expect(await desk.summary()).toEqual(["confirming (returned)"])
  })

  test("after its credit is reorged though the bridge goes on listing the credit, and credited when it is back", async () => {
    const address = await sender.newAddress()
    const desk = await givenDesk(node, address)
    const txid = await sender.send(address, "0.2")
    const [block] = await node.mine(1)
    const row = credit({ address, amount: 20_000_000n as never, tx_hash: txid })
    expect(await desk.summary([row])).toEqual(["credited (credited)"])
    await node.rpc("invalidateblock", block)
    await sender.mineOnly()
    await sender.mineOnly()
    expect(await desk.summary([row])).toEqual(["reorged (reorged)"])
    await node.mine(1)
    expect(await desk.summary([row])).toEqual(["credited (returned)"])
  })

  test("that is a coinbase is confirmed at its maturity, and reorged for good when orphaned", async () => {
    const address = await sender.newAddress()
    const desk = await givenDesk(node, address)
    const [orphan] = await node.rpc<string[]>("generatetoaddress", 1, address)
    await desk.look()
    await node.rpc("invalidateblock", orphan)
    await sender.mineOnly()
    expect(await desk.summary()).toEqual(["reorged (reorged)"])
    await node.rpc("generatetoaddress", 1, address)
    await node.mine(99)
    await desk.look()
    expect(statusesOf([...desk.transfers.values()])).toEqual(["reorged", "confirming"])
    await node.mine(1)
    expect(await desk.summary()).toEqual(["confirmed (confirmed)"])
  })
})

describe("outputs and addresses", () => {
  test("two outputs to one address, one to another, and the address used again are four transfers", async () => {
    const [left, right] = [await sender.newAddress(), await sender.newAddress()]
    const spare = await sender.newAddress()
    const desk = await givenDesk(node, left, right)
    const script = async (address: string): Promise<string> =>
      (await node.miner<{ scriptPubKey: string }>("getaddressinfo", address)).scriptPubKey
    const { txid, vout, amount: bitcoin } = await sender.coin()
    const change = (bitcoin - 0.6001).toFixed(8)
    // bitcoind refuses to make a transaction that pays an address twice; others do not.
    const plain = await node.rpc<string>(
      "createrawtransaction",
      [{ txid, vout }],
      [{ [left]: 0.1 }, { [spare]: 0.2 }, { [right]: 0.3 }, { [await sender.newAddress()]: change }],
    )
    const raw = plain.replace(await script(spare), await script(left))
    const paid = await sender.broadcast(await sender.sign(raw))
    expect(await desk.summaryWith(paid)).toEqual(Array(3).fill("seen (first_seen)"))
    expect(desk.of(paid).map((row) => [row.funding_handle, row.output_index, row.amount])).toEqual([
      [left, 0, 10_000_000n],
      [left, 1, 20_000_000n],
      [right, 2, 30_000_000n],
    ])
    const again = await sender.send(left, "0.1")
    expect(await desk.summaryWith(again)).toEqual(["seen (first_seen)"])
    await node.mine(2)
    expect(await desk.summary()).toEqual(Array(4).fill("confirmed (confirmed)"))
  })

  test("below what the bridge credits is flagged at first sight, and followed all the same", async () => {
    const address = await sender.newAddress()
    const desk = await givenDesk(node, address)
    const txid = await sender.send(address, "0.00009999")
    await desk.summaryWith(txid)
    expect(desk.of(txid)).toMatchObject([{ status: "seen", below_minimum: true, amount: 9_999n }])
    await node.mine(2)
    expect(await desk.summary()).toEqual(["confirmed (confirmed)"])
  })

  test("a child that pays for its parent, from its change or from the deposit itself, changes no transfer", async () => {
    const address = await sender.newAddress()
    const desk = await givenDesk(node, address)
    const from = await sender.coin()
    const change = await sender.newAddress()
    const parent = await sender.broadcast(
      await sender.sign(
        await node.rpc<string>(
          "createrawtransaction",
          [{ txid: from.txid, vout: from.vout }],
          [{ [address]: 0.5 }, { [change]: (from.amount - 0.5 - 0.00001).toFixed(8) }],
        ),
      ),
    )
    expect(await desk.summaryWith(parent)).toEqual(["seen (first_seen)"])
    const rest = { txid: parent, vout: 1, amount: from.amount - 0.50001 }
    const bySender = await sender.broadcast(await sender.spend(rest, await sender.newAddress(), 0.01))
    // The bridge sweeps the deposit before it is mined.
    const swept = { txid: parent, vout: 0, amount: 0.5 }
    const byBridge = await sender.broadcast(await sender.spend(swept, await sender.newAddress(), 0.01))
    expect(await desk.summaryWith(byBridge)).toEqual([])
    const [block] = await node.mine(1)
    expect(await desk.summary()).toEqual(["confirming (mined)"])
    const { tx } = await node.rpc<{ tx: string[] }>("getblock", block)
    expect(tx).toEqual(expect.arrayContaining([parent, bySender, byBridge]))
    await node.mine(1)
    expect(await desk.summary()).toEqual(["confirmed (confirmed)"])
    expect(desk.transfers.size).toBe(1)
  })
})

describe("a deposit that leaves the mempool", () => {
  test("by expiry is dropped, and seen again when it is sent again", async () => {
    const address = await sender.newAddress()
    const desk = await givenDesk(node, address)
    const { raw } = await sender.rivals(address)
    const txid = await sender.broadcast(raw)
    expect(await desk.summaryWith(txid)).toEqual(["seen (first_seen)"])
    const days_15_s = 15 * 86_400
    try {
      await node.rpc("setmocktime", Math.floor(Date.now() / 1000) + days_15_s)
      // Old transactions are taken out when a new one comes in.
      await sender.send(await sender.newAddress(), "0.01")
    } finally {
      await node.rpc("setmocktime", 0)
    }
    await expect(node.rpc("getmempoolentry", txid)).rejects.toThrow("not in mempool")
    expect(await desk.summary()).toEqual(["dropped (dropped)"])
    await sender.broadcast(raw)
    expect(await desk.summary()).toEqual(["seen (returned)"])
    expect(desk.transfers.size).toBe(1)
    await node.mine(1)
  })
})

test("what was sent and mined while the wallet was not loaded is found when it is read again", async () => {
  const address = await sender.newAddress()
  const desk = await givenDesk(node, address)
  await node.rpc("unloadwallet", "landfall-watch")
  const mined = await sender.send(address, "0.4")
  await node.mine(2)
  const unmined = await sender.send(address, "0.6")
  await expect.poll(() => desk.look(), { timeout: 10_000 }).toHaveLength(2)
  expect(desk.of(mined)).toMatchObject([{ status: "confirmed", confirmations: 2 }])
  expect(desk.of(unmined)).toMatchObject([{ status: "seen" }])
  await node.mine(1)
  expect(await jsonRpc(node.url)<string[]>("listwallets")).toContain("landfall-watch")
})

test("a deposit that is evicted from a full mempool is dropped, and seen again when it is taken in again", async () => {
  const address = await sender.newAddress()
  const desk = await givenDesk(node, address)
  const half = 0.5
  const outputs: Record<string, number> = {}
  for (let coin = 0; coin < 70; coin++) outputs[await sender.newAddress()] = half
  await node.miner("sendmany", "", outputs)
  await node.mine(1)
  const coins = await node.miner<Array<{ txid: string; vout: number; amount: number }>>("listunspent", 1)
  const [first, ...others] = coins.filter(({ amount: bitcoin }) => bitcoin === half)
  if (first === undefined) throw new Error("the miner has no coin")
  const raw = await sender.spend(first, address, 0.000002)
  const txid = await sender.broadcast(raw)
  expect(await desk.summaryWith(txid)).toEqual(["seen (first_seen)"])
  const isThere = (): Promise<boolean> =>
    node.rpc("getmempoolentry", txid).then(
      () => true,
      () => false,
    )
  const nobodys = await sender.foreignAddresses(2_500)
  const dust = Object.fromEntries(nobodys.map((to) => [to, 0.00001]))
  for (const { txid: from, vout } of others) {
    const heavy = await node.rpc<string>("createrawtransaction", [{ txid: from, vout }], dust)
    // Once the mempool is full, it may be the new one itself that is not kept.
    await sender.broadcast(await sender.sign(heavy)).catch(() => {})
    if (!(await isThere())) break
  }
  expect(await isThere()).toBe(false)
  expect(await desk.summary()).toEqual(["dropped (dropped)"])
  await node.rpc("prioritisetransaction", txid, 0, 1_000_000_000)
  await sender.broadcast(raw)
  expect(await desk.summary()).toEqual(["seen (returned)"])
  await node.mine(1)
  expect(await desk.summary()).toEqual(["confirming (mined)"])
}, 120_000)
