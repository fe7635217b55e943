import { genesisBlocks } from "@landfall/adapters/chain/known-chains"
import type { Bitcoind } from "@landfall/setup/parts/bitcoind"
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest"
import type { EsploraFault, EsploraServer } from "../../src/esplora/start.ts"
import { givenChain, givenObserver, outputsOf } from "./given-esplora.ts"

let chain: Awaited<ReturnType<typeof givenChain>>
let node: Bitcoind
let server: EsploraServer

beforeAll(async () => {
  chain = await givenChain()
  node = chain.node
  server = chain.server
}, 120_000)

afterEach(() => {
  server.setFault(null)
  server.setRewrite(null)
  server.setFrozen(false)
})

afterAll(async () => {
  await chain?.[Symbol.asyncDispose]()
})

const newAddress = (): Promise<string> => chain.newAddress()
const send = (address: string, bitcoin: string): Promise<string> =>
  node.miner<string>("sendtoaddress", address, bitcoin)

interface Coin {
  readonly txid: string
  readonly vout: number
  readonly bitcoin: number
}

/** Pays an address so often, each time in a transaction of its own, past the wallet. 25 may follow from each coin. */
const sendMany = async (address: string, count: number, coins: Coin[]): Promise<ReadonlyArray<string>> => {
  const txids: string[] = []
  for (let sent = 0; sent < count; sent++) {
    const coin = coins[sent % coins.length]
    if (coin === undefined) throw new Error("no coin to send")
    const rest = (coin.bitcoin - 0.0101).toFixed(8)
    const outputs = [{ [address]: 0.01 }, { [anyone.address]: rest }]
    const raw = await node.rpc<string>("createrawtransaction", [coin], outputs)
    const txid = await node.rpc<string>("sendrawtransaction", raw.replace(noScript, anyone.script))
    txids.push(txid)
    coins[sent % coins.length] = { txid, vout: 1, bitcoin: Number(rest) }
  }
  return txids
}

/** Version, one input with its output, and an empty script. */
const noScript = /(?<=^0[12]00000001[0-9a-f]{72})00/
/** What pays to the hash of the script `OP_TRUE`, everyone can spend without a signature. */
const anyone = { address: "", script: "020151" }

const anyonesCoin = async (): Promise<Coin> => {
  const { p2sh } = await node.rpc<{ p2sh: string }>("decodescript", "51")
  anyone.address = p2sh
  const txid = await send(p2sh, "1")
  const { details } = await node.miner<{ details: Array<{ vout: number; address: string }> }>(
    "gettransaction",
    txid,
  )
  const vout = details.find(({ address }) => address === p2sh)?.vout ?? 0
  await node.mine(1)
  return { txid, vout, bitcoin: 1 }
}

/** The paths that were asked for meanwhile. */
const askedDuring = async (work: () => Promise<unknown>): Promise<ReadonlyArray<string>> => {
  const before = server.asked().length
  await work()
  return server.asked().slice(before)
}

describe("the server", () => {
  test("has Esplora's shapes: text for hashes and heights, fields that are absent, plain 404 and 400", async () => {
    const text = async (path: string) => {
      const answer = await fetch(`${server.url}${path}`)
      return [answer.status, await answer.text()]
    }
    const height = await node.rpc<number>("getblockcount")
    const tip = await node.rpc<string>("getbestblockhash")
    expect(await text("/blocks/tip/height")).toEqual([200, String(height)])
    expect(await text("/blocks/tip/hash")).toEqual([200, tip])
    expect(await text("/block-height/0")).toEqual([200, genesisBlocks.regtest])
    expect(await text(`/block/${tip}/status`)).toEqual([200, `{"in_best_chain":true,"height":${height}}`])
    expect(await text(`/block/${"0".repeat(64)}/status`)).toEqual([200, '{"in_best_chain":false}'])
    expect(await text(`/tx/${"ab".repeat(32)}`)).toEqual([404, "Transaction not found"])
    expect(await text("/address/nonsense/txs")).toEqual([400, "Invalid Bitcoin address"])
    const txid = await send(await newAddress(), "0.02")
    const answer = await fetch(`${server.url}/tx/${txid}`)
    expect(await answer.json()).toMatchObject({
      txid,
      status: { confirmed: false },
      vin: [{ is_coinbase: false }],
    })
    await node.mine(1)
  })
})

describe("an address", () => {
  test("with more than a page of deposits is read whole once, and then only where it is new", async () => {
    const observer = givenObserver(server.url)
    const address = await newAddress()
    observer.watchNow(address)
    const coins = [await anyonesCoin(), await anyonesCoin()]
    const txids = [...(await sendMany(address, 40, coins))]
    await node.mine(1)
    txids.push(...(await sendMany(address, 20, coins)))
    await node.mine(1)
    const pages = await askedDuring(async () => {
      const sighting = await observer.look(1)
      expect(sighting).toMatchObject({ complete: true, health: { state: "ok" } })
      expect(new Set(sighting.outputs.map(({ tx_hash }) => tx_hash))).toEqual(new Set(txids))
    })
    expect(pages.filter((path) => path.includes("/txs/chain/")).length).toBeGreaterThanOrEqual(2)
    await node.mine(8)
    await observer.look(1)
    const fresh = await send(address, "0.03")
    const asked = await askedDuring(async () => {
      const sighting = await observer.look(1)
      expect(sighting).toMatchObject({ complete: true, health: { state: "ok" } })
      expect(sighting.outputs).toHaveLength(61)
      expect(outputsOf(sighting, fresh)).toMatchObject([{ in_mempool: true }])
    })
    expect(asked.filter((path) => path.startsWith("/address/"))).toEqual([`/address/${address}/txs`])
    await node.mine(1)
  })

  test("with more unmined deposits than are listed is not complete, and loses none that it had", async () => {
    const observer = givenObserver(server.url)
    const address = await newAddress()
    observer.watchNow(address)
    const coins = [await anyonesCoin(), await anyonesCoin(), await anyonesCoin()]
    const [first = ""] = await sendMany(address, 1, coins)
    expect(outputsOf(await observer.look(6), first)).toMatchObject([{ in_mempool: true }])
    await sendMany(address, 50, coins)
    const cut = await observer.look(6)
    expect(cut).toMatchObject({ complete: false, gone: [], health: { state: "ok" } })
    expect(outputsOf(cut, first)).toMatchObject([{ in_mempool: true }])
    expect(cut.outputs).toHaveLength(51)
    await node.mine(1)
    expect(await observer.look(6)).toMatchObject({ complete: true, health: { state: "ok" } })
  })

  test("that the server refuses is named, and keeps the others from nothing but completeness", async () => {
    const observer = givenObserver(server.url)
    const address = await newAddress()
    observer.watchNow(address, "bc1qnonsense")
    const txid = await send(address, "0.04")
    const sighting = await observer.look(6)
    expect(sighting).toMatchObject({ complete: false, health: { state: "ok" } })
    expect(outputsOf(sighting, txid)).toMatchObject([{ in_mempool: true }])
    expect(observer.status().refused_handles).toEqual({ bc1qnonsense: expect.stringContaining("400") })
    await node.mine(1)
  })

  test("is one of many: a poll costs its budget, never says complete, and keeps open deposits in sight", async () => {
    const many = await chain.newAddresses(120)
    const observer = givenObserver(server.url, { addresses_max: 10 })
    observer.watchNow(...many)
    const address = many[77] ?? ""
    const txid = await send(address, "0.05")
    const reads: string[] = []
    let polls = 0
    for (let seen = false; !seen; polls++) {
      const asked = await askedDuring(async () => {
        const sighting = await observer.look(6)
        expect(sighting).toMatchObject({ complete: false, gone: [], health: { state: "ok" } })
        seen = outputsOf(sighting, txid).length > 0
      })
      expect(asked.length).toBeLessThanOrEqual(13)
      reads.push(...asked.filter((path) => path.startsWith("/address/")))
    }
    expect(polls).toBe(8)
    // No address a second time before each had its turn.
    expect(new Set(reads).size).toBe(reads.length)
    await node.mine(1)
    expect(outputsOf(await observer.look(6), txid)).toMatchObject([{ confirmations: 1 }])
    await node.mine(1)
    // Mined, it is counted on without being asked about.
    const asked = await askedDuring(async () => {
      expect(outputsOf(await observer.look(6), txid)).toMatchObject([{ confirmations: 2 }])
    })
    expect(asked).not.toContain(`/address/${address}/txs`)
  })
})

describe("a server that is not to be relied on", () => {
  test("is refused when it is on another chain", async () => {
    const observer = givenObserver(server.url, { network: "main" })
    observer.watchNow(await newAddress())
    expect(await observer.look(6)).toMatchObject({ complete: false, health: { state: "down" } })
    expect(observer.status().last_error).toContain(genesisBlocks.regtest)
  })

  const kinds: ReadonlyArray<EsploraFault["kind"]> = [
    "hang",
    "refuse",
    "reset",
    "malformed_json",
    "html",
    "status_500",
    "status_429",
    "huge",
    "slow_drip",
  ]

  test.each(kinds)("takes nothing back while it fails (%s), and catches up afterwards", async (kind) => {
    const observer = givenObserver(server.url, { total_timeout_ms: 1_500 })
    const address = await newAddress()
    observer.watchNow(address)
    const txid = await send(address, "0.06")
    expect(outputsOf(await observer.look(6), txid)).toHaveLength(1)
    server.setFault({ kind }, /^\/address/)
    expect(await observer.look(6)).toMatchObject({
      outputs: [],
      gone: [],
      complete: false,
      health: { state: "lagging" },
    })
    expect(observer.status().last_error).toContain("esplora at http://127.0.0.1")
    server.setFault({ kind })
    observer.pass(60_000)
    expect(await observer.look(6)).toMatchObject({ outputs: [], complete: false, health: { state: "down" } })
    server.setFault(null)
    // It is left alone for a moment.
    expect(await askedDuring(() => observer.look(6))).toEqual([])
    observer.pass(60_000)
    const sighting = await observer.look(6)
    expect(sighting).toMatchObject({ complete: true, health: { state: "ok" } })
    expect(outputsOf(sighting, txid)).toMatchObject([{ in_mempool: true }])
    expect(observer.status().last_error).toBeNull()
  })

  test("is asked no more often than it is to be, and says nothing in between", async () => {
    const observer = givenObserver(server.url, { interval_ms: 2_000 })
    observer.watchNow(await newAddress())
    expect(await observer.look(6)).toMatchObject({ complete: true, health: { state: "ok" } })
    observer.pass(1_999)
    const asked = await askedDuring(async () => {
      expect(await observer.look(6)).toMatchObject({
        outputs: [],
        gone: [],
        complete: false,
        health: { state: "ok" },
      })
    })
    expect(asked).toEqual([])
    observer.pass(1)
    expect(await observer.look(6)).toMatchObject({ complete: true, health: { state: "ok" } })
  })

  test("takes nothing back while its tip goes backward", async () => {
    const observer = givenObserver(server.url)
    const address = await newAddress()
    observer.watchNow(address)
    const txid = await send(address, "0.07")
    await node.mine(1)
    expect(outputsOf(await observer.look(6), txid)).toMatchObject([{ confirmations: 1 }])
    server.setRewrite((path, answer) => {
      if (path === "/blocks") return { ...answer, text: JSON.stringify(JSON.parse(answer.text).slice(1)) }
      return path.startsWith("/address")
        ? { ...answer, text: "[]" }
        : { ...answer, status: 404, text: "gone" }
    })
    const sighting = await observer.look(6)
    expect(sighting).toMatchObject({ outputs: [], gone: [], complete: false, health: { state: "lagging" } })
    server.setRewrite(null)
    expect(outputsOf(await observer.look(6), txid)).toMatchObject([{ confirmations: 1 }])
  })

  test("takes nothing back while its chain moves under the questions", async () => {
    const observer = givenObserver(server.url)
    const address = await newAddress()
    observer.watchNow(address)
    const txid = await send(address, "0.08")
    await observer.look(6)
    let looks = 0
    server.setRewrite((path, answer) => {
      if (path === "/blocks")
        return looks++ === 0 ? answer : { ...answer, text: JSON.stringify(JSON.parse(answer.text).slice(1)) }
      return path.startsWith("/address") ? { ...answer, text: "[]" } : answer
    })
    const sighting = await observer.look(6)
    expect(sighting).toMatchObject({ gone: [], complete: false, health: { state: "lagging" } })
    expect(outputsOf(sighting, txid)).toEqual([])
    server.setRewrite(null)
    expect(await observer.look(6)).toMatchObject({ complete: true, health: { state: "ok" } })
  })

  test("concludes nothing from a list that contradicts what is spent", async () => {
    const observer = givenObserver(server.url)
    const address = await newAddress()
    observer.watchNow(address)
    const txid = await send(address, "0.09")
    await observer.look(6)
    server.setRewrite((path, answer) => (path.startsWith("/address") ? { ...answer, text: "[]" } : answer))
    observer.pass(600_000)
    const sighting = await observer.look(6)
    expect(sighting).toMatchObject({ gone: [], complete: false, health: { state: "ok" } })
    expect(outputsOf(sighting, txid)).toEqual([])
    await node.mine(1)
  })

  test("is lagging when it hears of no blocks any more", async () => {
    const observer = givenObserver(server.url, { tip_age_ms_max: 3_600_000 })
    observer.watchNow(await newAddress())
    await node.mine(1)
    expect(await observer.look(6)).toMatchObject({ complete: true, health: { state: "ok" } })
    observer.pass(3 * 3_600_000)
    expect(await observer.look(6)).toMatchObject({ complete: false, health: { state: "lagging" } })
    expect(observer.status().last_error).toContain("minutes old")
  })

  const value = (text: string) => (list: string) => list.replaceAll(/"value":\d+/g, `"value":${text}`)
  test.each<[string, (list: string) => string]>([
    ["an amount beyond 2^53", value("9007199254740993")],
    ["an amount that is text", value('"5000000"')],
    ["an amount below zero", value("-1")],
    ["a part of a satoshi", value("0.5")],
    ["no list", () => "{}"],
    ["transactions without outputs", (list) => list.replaceAll('"vout":[', '"other":[')],
    ["a status that is text", (list) => list.replaceAll(/"confirmed":\w+/g, '"confirmed":"no"')],
    ["half of itself", (list) => list.slice(0, list.length / 2)],
  ])("is lagging and takes nothing back when the list of an address has %s", async (_what, wrong) => {
    const observer = givenObserver(server.url)
    const address = await newAddress()
    observer.watchNow(address)
    const txid = await send(address, "0.05")
    expect(outputsOf(await observer.look(6), txid)).toHaveLength(1)
    server.setRewrite((path, answer) =>
      path.startsWith("/address") ? { ...answer, text: wrong(answer.text) } : answer,
    )
    expect(await observer.look(6)).toMatchObject({
      outputs: [],
      gone: [],
      complete: false,
      health: { state: "lagging" },
    })
    expect(observer.status().last_error).toMatch(/something else than it should|not JSON/)
    server.setRewrite(null)
    observer.pass(60_000)
    expect(outputsOf(await observer.look(6), txid)).toMatchObject([{ amount: 5_000_000n, in_mempool: true }])
  })

  test.each([
    ["a height that is text", '[{"id":"HASH","height":"7","timestamp":1}]'],
    ["no block", "[]"],
    ["an object", "{}"],
    ["a number of blocks", "7"],
  ])("is down when its tip is %s", async (_what, text) => {
    const observer = givenObserver(server.url)
    server.setRewrite((path, answer) => (path === "/blocks" ? { ...answer, text } : answer))
    expect(await observer.look(6)).toMatchObject({ complete: false, health: { state: "down" } })
    expect(observer.status().last_error).toContain("/blocks answered something else than it should")
  })
})
