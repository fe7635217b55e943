import { freePort } from "@landfall/setup/parts/ports"
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest"
import { evmRpc } from "../../src/chain/evm-rpc.ts"
import { endpoint } from "../../src/config/endpoint.ts"
import { freshAddress, givenAnvil, givenObserver, steppingClock, type TokenChain } from "./evm-given.ts"
import { type Lie, type LyingProxy, lyingProxy } from "./evm-proxy.ts"

let chain: TokenChain & AsyncDisposable
let proxy: LyingProxy

beforeAll(async () => {
  chain = await givenAnvil()
  proxy = await lyingProxy(chain.anvil.url)
})
afterEach(() => {
  proxy.lie(null)
  proxy.instead(null)
})
afterAll(async () => {
  await proxy[Symbol.asyncDispose]()
  await chain[Symbol.asyncDispose]()
})

/** The fields of a block or a log in an answer. */
const fields = (result: unknown): Record<string, unknown> => ({ ...Object(result) })

/** An observer behind the proxy that has seen one transfer, which is not final. */
const givenSeen = async (confirmations = 1) => {
  const address = freshAddress()
  const observer = givenObserver(proxy.url, { now: steppingClock(), budget_ms: Number.MAX_SAFE_INTEGER })
  observer.watchNow(address)
  await observer.look()
  const tx_hash = await chain.transfer(address, 5n)
  if (confirmations > 1) await chain.mine(confirmations - 1)
  const { health, outputs } = await observer.look()
  expect([health.state, outputs.length]).toEqual(["ok", 1])
  return { observer, tx_hash, address }
}

/** Looks while the node lies, and again when it tells the truth: nothing was declared gone, and nothing is lost. */
const lieThrough = async (lie: Lie, state: "lagging" | "down", word: RegExp): Promise<void> => {
  const { observer, tx_hash } = await givenSeen()
  proxy.lie(lie)
  await chain.mine(1)
  for (let poll = 0; poll < 3; poll++) {
    const sighting = await observer.look()
    expect(sighting).toMatchObject({ health: { state }, gone: [], complete: false })
    expect(observer.status().last_error).toMatch(word)
  }
  proxy.lie(null)
  const truth = await observer.look()
  expect(truth).toMatchObject({ health: { state: "ok" }, gone: [], outputs: [{ tx_hash }] })
  expect(observer.status().last_error).toBeNull()
}

describe("a node that lags or lies makes nothing gone", () => {
  test("when its tip is behind and it lists nothing", async () => {
    const { observer, tx_hash } = await givenSeen()
    const block = await proxy.ask("eth_getBlockByNumber", "latest", false)
    const parent = await proxy.ask("eth_getBlockByHash", fields(block).parentHash, false)
    proxy.lie(({ method, params, result }) => {
      if (method === "eth_getLogs") return []
      if (method === "eth_getBlockByHash" || method === "eth_getTransactionReceipt") return null
      return method === "eth_getBlockByNumber" && params[0] === "latest" ? parent : result
    })
    for (let poll = 0; poll < 3; poll++) {
      const sighting = await observer.look()
      expect(sighting).toMatchObject({ health: { state: "lagging" }, gone: [], outputs: [{ tx_hash }] })
      expect(observer.status().last_error).toMatch(
        /is at block \d+, and was at block 0x[0-9a-f]{64}, at \d+, before/,
      )
    }
    proxy.lie(null)
    expect(await observer.look()).toMatchObject({ health: { state: "ok" }, gone: [], outputs: [{ tx_hash }] })
  })

  test("when its newest block has a hash that it does not know", () =>
    lieThrough(
      ({ method, params, result }) =>
        method === "eth_getBlockByNumber" && params[0] === "latest"
          ? { ...fields(result), hash: `0x${"ab".repeat(32)}` }
          : result,
      "lagging",
      /the chain changed (?:at|after) block/,
    ))

  test("when all its blocks have wrong hashes", () =>
    lieThrough(
      ({ method, result }) =>
        method === "eth_getBlockByNumber" && result !== null
          ? { ...fields(result), hash: `0x${String(fields(result).number).slice(2).padStart(64, "c")}` }
          : result,
      "lagging",
      /the chain changed (?:at|after) block/,
    ))

  test("when its logs are of another block", () =>
    lieThrough(
      ({ method, result }) =>
        method === "eth_getLogs"
          ? [
              {
                address: "0x420ca0f9b9b604ce0fd9c18ef134c705e5fa3430",
                topics: [],
                data: "0x",
                blockNumber: "0x1",
                blockHash: `0x${"ab".repeat(32)}`,
                transactionHash: `0x${"cd".repeat(32)}`,
                logIndex: "0x0",
              },
            ]
          : result,
      "down",
      /a log of block 0xabab/,
    ))

  test("when it names a block that it does not give", () =>
    lieThrough(
      ({ method, params, result }) =>
        method === "eth_getBlockByNumber" && params[0] !== "latest" && params[0] !== "finalized"
          ? null
          : result,
      "lagging",
      /has no block/,
    ))

  test("when it leaves a transfer out of a block that it was mined in again", async () => {
    const { observer, tx_hash } = await givenSeen(2)
    const raw = await chain.raw(tx_hash)
    await chain.reorg(2, [raw, 0])
    proxy.lie(({ method, result }) => (method === "eth_getLogs" ? [] : result))
    const sighting = await observer.look()
    expect(sighting).toMatchObject({ health: { state: "lagging" }, gone: [], outputs: [] })
    expect(observer.status().last_error).toMatch(`the node has ${tx_hash} in block`)
    proxy.lie(null)
    expect(await observer.look()).toMatchObject({ health: { state: "ok" }, gone: [], outputs: [{ tx_hash }] })
  })

  test("when finality stops: its chain may be one that others do not follow", async () => {
    const { observer } = await givenSeen()
    const stuck = await proxy.ask("eth_getBlockByNumber", "finalized", false)
    proxy.lie(({ method, params, result }) =>
      method === "eth_getBlockByNumber" && params[0] === "finalized" ? stuck : result,
    )
    await chain.mine(100)
    expect(await observer.look()).toMatchObject({ health: { state: "ok" }, outputs: [{ final: false }] })
    await chain.mine(100)
    expect(await observer.look()).toMatchObject({ health: { state: "lagging" }, outputs: [{ final: false }] })
    expect(observer.status().last_error).toMatch(/finality has stopped: block \d+ .* 20\d blocks behind/)
    proxy.lie(null)
    expect(await observer.look()).toMatchObject({ health: { state: "ok" }, outputs: [{ final: true }] })
  })

  test("when its final block goes back, or is ahead of its head", async () => {
    const { observer } = await givenSeen()
    await chain.mine(3)
    await observer.look()
    const genesis = await proxy.ask("eth_getBlockByNumber", "0x0", false)
    proxy.lie(({ method, params, result }) =>
      method === "eth_getBlockByNumber" && params[0] === "finalized" ? genesis : result,
    )
    expect((await observer.look()).health.state).toBe("lagging")
    expect(observer.status().last_error).toMatch(/calls block 0 final, after block \d+ was/)
    proxy.lie(({ method, params, result }) =>
      method === "eth_getBlockByNumber" && params[0] === "finalized"
        ? { ...fields(result), number: "0xffff" }
        : result,
    )
    expect((await observer.look()).health.state).toBe("lagging")
    expect(observer.status().last_error).toMatch(/calls block 65535 final, but is at \d+/)
  })

  test("when it says that it is still reading the chain", () =>
    lieThrough(
      ({ method, result }) => (method === "eth_syncing" ? { currentBlock: "0x1" } : result),
      "lagging",
      /eth_syncing/,
    ))

  test("when it has no such contract", async () => {
    proxy.lie(null)
    const observer = givenObserver(proxy.url, { token: "0x00000000000000000000000000000000000000ef" })
    expect((await observer.look()).health.state).toBe("lagging")
    expect(observer.status().last_error).toMatch(/no contract at 0x0+ef; set EURE_CONTRACT right/)
  })

  test("when its chain is shorter than it was, until it is longer again", async () => {
    await chain.mine(3)
    const { observer, tx_hash } = await givenSeen(3)
    await chain.anvil.rpc("anvil_rollback", 4)
    expect(await observer.look()).toMatchObject({ health: { state: "lagging" }, gone: [] })
    await chain.mine(6)
    const sighting = await observer.look()
    expect(sighting).toMatchObject({ health: { state: "ok" }, outputs: [] })
    expect(sighting.gone).toEqual([{ tx_hash, output_index: 0 }])
  })
})

describe("a node that gives no usable answer is down, and nothing is gone", () => {
  const answers: ReadonlyArray<
    readonly [name: string, word: RegExp, instead: Parameters<LyingProxy["instead"]>[0]]
  > = [
    ["HTML", /not JSON/, (response) => response.end("<html>Bad gateway</html>")],
    ["status 502", /answered 502/, (response) => response.writeHead(502).end("bad gateway")],
    ["no list", /it must take JSON-RPC batches/, (response) => response.end('{"jsonrpc":"2.0"}')],
    [
      "a refusal of batches",
      /batches are not supported/,
      (response) =>
        response.end(
          '{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"batches are not supported"}}',
        ),
    ],
    [
      "half an answer",
      /unanswered/,
      (response) => response.end('[{"jsonrpc":"2.0","id":0,"result":"0x64"}]'),
    ],
    ["truncated JSON", /not JSON/, (response) => response.end('[{"jsonrpc":')],
    ["a huge answer", /more than 8388608 bytes/, (response) => response.end(`["${"x".repeat(9_000_000)}"]`)],
    ["deep JSON", /nests 200 deep/, (response) => response.end("[".repeat(200) + "]".repeat(200))],
    [
      "a redirect",
      /redirect/,
      (response) => response.writeHead(302, { location: "http://127.0.0.1:1" }).end(),
    ],
    [
      "wrong types",
      /something else than it should/,
      (response) => response.end(JSON.stringify([0, 1, 2, 3, 4].map((id) => ({ id, result: 7 })))),
    ],
  ]
  test.each(answers)("%s", async (_name, word, instead) => {
    const { observer, tx_hash } = await givenSeen()
    proxy.instead(instead)
    for (let poll = 0; poll < 2; poll++) {
      const sighting = await observer.look()
      expect(sighting).toMatchObject({ health: { state: "down" }, outputs: [], gone: [], complete: false })
      expect(observer.status().last_error).toMatch(word)
    }
    proxy.instead(null)
    expect(await observer.look()).toMatchObject({ health: { state: "ok" }, gone: [], outputs: [{ tx_hash }] })
  })

  test.each<[string, RegExp, Lie]>([
    [
      "a head beyond 2^53",
      /something else than it should/,
      ({ method, params, result }) =>
        method === "eth_getBlockByNumber" && params[0] === "latest"
          ? { ...fields(result), number: "0x20000000000001" }
          : result,
    ],
    [
      "a time that is a JSON number beyond 2^53",
      /something else than it should/,
      ({ method, result }) =>
        method === "eth_getBlockByNumber" ? { ...fields(result), timestamp: 2 ** 53 + 2 } : result,
    ],
    [
      "no newest block",
      /has no newest block/,
      ({ method, params, result }) =>
        method === "eth_getBlockByNumber" && params[0] === "latest" ? null : result,
    ],
    [
      "logs that are no list",
      /something else than it should/,
      ({ method, result }) => (method === "eth_getLogs" ? { logs: [] } : result),
    ],
    [
      "a block without a hash",
      /something else than it should/,
      ({ method, result }) =>
        method === "eth_getBlockByNumber" ? { ...fields(result), hash: null } : result,
    ],
  ])("%s", (_name, word, lie) => lieThrough(lie, "down", word))

  test("a broken connection, and nothing that listens", async () => {
    const { observer, tx_hash } = await givenSeen()
    proxy.instead((response) => response.destroy())
    expect(await observer.look()).toMatchObject({ health: { state: "down" }, outputs: [], gone: [] })
    expect(observer.status().last_error).toMatch(/broke/)
    proxy.instead(null)
    expect(await observer.look()).toMatchObject({ health: { state: "ok" }, outputs: [{ tx_hash }] })
    const nobody = givenObserver(`http://127.0.0.1:${await freePort()}`)
    expect(await nobody.look()).toMatchObject({ health: { state: "down", tip_height: null }, gone: [] })
    expect(nobody.status().last_error).toMatch(/nothing listens/)
  })

  test("silence", async () => {
    const rpc = evmRpc({ endpoint: endpoint(proxy.url), total_timeout_ms: 200 })
    const observer = givenObserver(proxy.url, { rpc })
    proxy.instead(() => {})
    expect(await observer.look()).toMatchObject({ health: { state: "down" }, outputs: [], gone: [] })
    expect(observer.status().last_error).toMatch(/not answered completely within 200 ms/)
  })

  test("a slow answer, which nothing else waits for", async () => {
    const address = freshAddress()
    const observer = givenObserver(proxy.url, { wait_ms: 10 })
    observer.watchNow(address)
    const { promise, resolve } = Promise.withResolvers<void>()
    proxy.hold(promise)
    await chain.transfer(address, 1n)
    expect(await observer.look()).toMatchObject({ health: { state: "down" }, outputs: [], gone: [] })
    expect(observer.status().last_error).toBe("the node has not answered within 10 ms")
    resolve()
    proxy.hold(null)
    let sighting = await observer.look()
    while (sighting.health.state !== "ok") sighting = await observer.look()
    expect(sighting.outputs).toMatchObject([{ funding_handle: address }])
  })

  test("another chain", async () => {
    proxy.lie(null)
    const observer = givenObserver(proxy.url, { chain_id: 1, now: steppingClock() })
    observer.watchNow(freshAddress())
    expect(await observer.look()).toMatchObject({ health: { state: "down", tip_height: null }, outputs: [] })
    expect(observer.status().last_error).toMatch(/on the chain 100, not on 1; nothing was read from it/)
  })
})

describe("a node that limits what may be asked", () => {
  test("is asked for less until it answers, and everything is found", async () => {
    proxy.lie(null)
    const address = freshAddress()
    for (let transfer = 0; transfer < 3; transfer++) {
      await chain.transfer(address, 1n)
      await chain.mine(20)
    }
    proxy.lie(({ method, params, result }) => {
      const { fromBlock, toBlock } = fields(params[0])
      if (method === "eth_getLogs" && Number(toBlock) - Number(fromBlock) > 9)
        throw new Error("query returned more than 10 blocks")
      return result
    })
    const observer = givenObserver(proxy.url)
    observer.watchNow(address)
    expect(await observer.look()).toMatchObject({
      health: { state: "ok" },
      outputs: [{ amount: 1n }, { amount: 1n }, { amount: 1n }],
    })
    proxy.lie(null)
  })
})
