import { jsonRpc } from "@landfall/setup/parts/json-rpc"
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest"
import { BitcoindError, bitcoindRpc } from "../../src/chain/bitcoin-rpc.ts"
import { endpoint } from "../../src/config/endpoint.ts"
import { type Exchange, type OddServer, startOddServer } from "../net/odd-server.ts"
import { givenBitcoind, givenObserver, outputsOf } from "./given-bitcoind.ts"

describe("a bitcoind that answers oddly", () => {
  let answer: (exchange: Exchange) => void = () => {}
  let server: OddServer

  beforeEach(async () => {
    server = await startOddServer((exchange) => answer(exchange))
  })
  afterEach(() => server.close())

  const json = (text: string) => (exchange: Exchange) => {
    exchange.response.writeHead(200, { "content-type": "application/json" }).end(text)
  }

  test.each<[string, (exchange: Exchange) => void, RegExp]>([
    ["a web page", ({ response }) => response.end("<html>502</html>"), /not JSON, beginning "<html>502/],
    ["half an answer", json('{"result":{"chain":"reg'), /not JSON/],
    [
      "another type",
      json('{"result":[1,2],"error":null,"id":1}'),
      /getblockchaininfo answered something else/,
    ],
    [
      "a height beyond 2^53",
      json(
        `{"result":{"chain":"regtest","blocks":9007199254740993,"headers":9007199254740993,"bestblockhash":"${"0".repeat(64)}","mediantime":1700000000,"time":1700000000,"initialblockdownload":false},"error":null,"id":1}`,
      ),
      /getblockchaininfo answered something else/,
    ],
    ["null", json("null"), /not JSON, beginning "null"/],
    ["deep JSON", json("[".repeat(100_000)), /nests 100000 deep/],
    ["a great deal", ({ response }) => response.end(" ".repeat(9_000_000)), /more than 8388608 bytes/],
    [
      "too many calls",
      ({ response }) => response.writeHead(503).end("Work queue depth exceeded"),
      /Work queue/,
    ],
    ["a wrong password", ({ response }) => response.writeHead(401).end(), /401.*check user and password/],
    [
      "a redirect",
      ({ response }) => response.writeHead(302, { location: "/x" }).end(),
      /answered 302, a redirect/,
    ],
    ["a broken connection", ({ socket }) => socket.destroy(), /is it running/],
    ["nothing", () => {}, /not answered completely within 300 ms/],
    ["one byte at a time", ({ response }) => drip(response), /not answered completely within 300 ms/],
  ])("%s: the observer is down and says why", async (_what, odd, message) => {
    answer = odd
    const observer = givenObserver(server.url.replace("//", "//landfall:hidden-word@"), {
      // A machine that is busy makes no server slow.
      timeoutMs: message.source.includes("within 300 ms") ? 300 : 15_000,
    })
    expect(await observer.look(6)).toMatchObject({
      outputs: [],
      gone: [],
      complete: false,
      health: { state: "down" },
    })
    expect(observer.status().last_error).toMatch(message)
    expect(observer.status().last_error).not.toContain("hidden-word")
  })

  test("is not asked again before the wait is over, which grows", async () => {
    answer = ({ response }) => response.end("<html>")
    let now_ms = 0
    const { bitcoindObserver } = await import("../../src/chain/bitcoind.ts")
    const observer = bitcoindObserver({
      rpc: bitcoindRpc({ endpoint: endpoint(server.url), wallet: "w" }),
      wallet: "w",
      network: "regtest",
      tip_age_ms_max: null,
      now: () => now_ms,
      random: () => 0,
    })
    const asked: number[] = []
    for (; now_ms < 20_000; now_ms += 25) {
      const before = server.requests.length
      await observer.poll({ confirmations: 1, expected: [] })
      if (server.requests.length > before) asked.push(now_ms)
    }
    expect(asked.slice(0, 5)).toEqual([0, 125, 375, 875, 1_875])
    expect(Math.max(...asked.slice(1).map((at, index) => at - (asked[index] ?? 0)))).toBe(2_500)
  })

  test("gives each call of a batch its own answer or error", async () => {
    answer = json('[{"result":7,"error":null},{"result":null,"error":{"code":-5,"message":"no"}}]')
    const rpc = bitcoindRpc({ endpoint: endpoint(server.url), wallet: "w" })
    const calls = ["a", "b"].map((txid) => ({ method: "getmempoolentry" as const, parameters: [txid] }))
    const [first, second] = await rpc.batch(calls)
    expect(first).toBe(7)
    expect(second).toBeInstanceOf(BitcoindError)
    expect(second).toMatchObject({ failure: "refused", code: -5 })
    await expect(rpc.batch(calls.slice(0, 1))).rejects.toThrow(/not answered call by call/)
  })

  test("never gets more than four calls at once", async () => {
    let open = 0
    let most = 0
    answer = ({ response }) => {
      most = Math.max(most, ++open)
      setTimeout(() => {
        open--
        response.end('{"result":1,"error":null}')
      }, 5)
    }
    const rpc = bitcoindRpc({ endpoint: endpoint(server.url), wallet: "w" })
    await Promise.all(Array.from({ length: 20 }, () => rpc.call("getbestblockhash")))
    expect(most).toBe(4)
  })
})

const drip = (response: Exchange["response"]): void => {
  response.writeHead(200, { "content-type": "application/json" })
  const timer = setInterval(() => response.write(" "), 50)
  response.once("close", () => clearInterval(timer))
}

describe("a bitcoind that comes and goes", () => {
  test("is down while it is stopped, keeps its tip, and goes on with nothing lost", async () => {
    await using node = await givenBitcoind()
    const observer = givenObserver(node.url)
    const address = await node.miner<string>("getnewaddress")
    observer.watchNow(address)
    await observer.look(6)
    const txid = await node.miner<string>("sendtoaddress", address, "0.2")
    const wallet = jsonRpc(`${node.url}/wallet/landfall-watch`)
    await vi.waitFor(() => wallet("gettransaction", txid))
    expect(outputsOf(await observer.look(6), txid)).toHaveLength(1)
    await node.stop()
    const away = await observer.look(6)
    expect(away).toMatchObject({ outputs: [], gone: [], health: { state: "down", tip_height: 101 } })
    expect(observer.status().last_error).toMatch(/nothing listens there; is it running/)
    await node.restart()
    const back = await vi.waitFor(
      async () => {
        const sighting = await observer.look(6)
        expect(sighting.health.state).toBe("ok")
        return sighting
      },
      { timeout: 20_000, interval: 100 },
    )
    expect(back.complete).toBe(true)
    expect(outputsOf(back, txid)).toMatchObject([{ in_mempool: true }])
  })

  test("on another chain is refused, and no wallet is made there", async () => {
    await using node = await givenBitcoind()
    const observer = givenObserver(node.url, { network: "main" })
    expect((await observer.look(6)).health.state).toBe("down")
    expect(observer.status().last_error).toMatch(/is on the chain regtest .* not on main/)
    expect(await node.rpc("listwallets")).toEqual(["miner"])
  })

  test("with a wallet that holds keys is refused", async () => {
    await using node = await givenBitcoind()
    const observer = givenObserver(node.url, { wallet: "miner" })
    expect((await observer.look(6)).health.state).toBe("down")
    expect(observer.status().last_error).toMatch(/not a watch-only descriptor wallet/)
  })

  test("is lagging while its tip is too old", async () => {
    await using node = await givenBitcoind()
    const observer = givenObserver(node.url, { tip_age_ms_max: -3_600_000 * 24 })
    expect((await observer.look(6)).health.state).toBe("lagging")
    expect(observer.status().last_error).toMatch(/newest block is .* minutes old/)
  })

  test("cannot watch an address of another chain, and says which", async () => {
    await using node = await givenBitcoind()
    const observer = givenObserver(node.url)
    const foreign = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"
    const address = await node.miner<string>("getnewaddress")
    observer.watchNow(foreign, address)
    expect(await observer.look(6)).toMatchObject({ complete: false, health: { state: "ok" } })
    expect(Object.keys(observer.status().refused_handles)).toEqual([foreign])
  })
})
