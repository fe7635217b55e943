import { eureV2, mintInput, placeToken, transferInput } from "@landfall/setup/parts/eure"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { endpoint } from "../../src/config/endpoint.ts"
import { examineEvm } from "../../src/doctor/systems.ts"
import {
  caller,
  ether,
  freshAddress,
  givenAnvil,
  givenObserver,
  handleA,
  handleB,
  stranger,
  told,
} from "./evm-given.ts"
import { lyingProxy } from "./evm-proxy.ts"

let chain: Awaited<ReturnType<typeof givenAnvil>>

beforeAll(async () => {
  chain = await givenAnvil()
})
afterAll(() => chain[Symbol.asyncDispose]())

describe("a transfer on a real EVM node", () => {
  test("is seen with its block, and is final when the node says so", async () => {
    const observer = givenObserver(chain.anvil.url)
    observer.watchNow(handleA)
    expect(await observer.look()).toMatchObject({ source: "evm", health: { state: "ok" }, outputs: [] })
    const tx_hash = await chain.transfer(handleA, 5n * ether)
    const first = await observer.look()
    expect(first.outputs).toMatchObject([
      { tx_hash, funding_handle: handleA, amount: 5n * ether, token: eureV2 },
    ])
    expect(first.outputs.map(told)).toEqual(["0xaA #0 5000000000000000000 1"])
    await chain.mine(1)
    expect((await observer.look()).outputs.map(told)).toEqual(["0xaA #0 5000000000000000000 2"])
    await chain.mine(1)
    expect((await observer.look()).outputs.map(told)).toEqual(["0xaA #0 5000000000000000000 3 final"])
    expect(observer.status()).toMatchObject({ last_error: null, refused_handles: {} })
  })

  test("is one output for each of several in one transaction, made by a contract", async () => {
    const [one, two] = [freshAddress(), freshAddress()]
    const observer = givenObserver(chain.anvil.url)
    observer.watchNow(one, two)
    const tx_hash = await chain.proxied([one, 1n], [two, 2n], [one, 1n])
    const { outputs } = await observer.look()
    expect(
      outputs.map(({ funding_handle, output_index, amount }) => [funding_handle, output_index, amount]),
    ).toEqual([
      [one, 0, 1n],
      [two, 1, 2n],
      [one, 2, 1n],
    ])
    expect(new Set(outputs.map((output) => output.tx_hash))).toEqual(new Set([tx_hash]))
  })

  test("has the same number whoever else is watched", async () => {
    const [one, two] = [freshAddress(), freshAddress()]
    await chain.proxied([stranger, 1n], [one, 2n], [two, 3n])
    const numbers = async (...watched: string[]) => {
      const observer = givenObserver(chain.anvil.url)
      observer.watchNow(...watched)
      return (await observer.look()).outputs.map(({ amount, output_index }) => [amount, output_index])
    }
    expect(await numbers(two)).toEqual([[3n, 2]])
    expect(await numbers(two, one)).toEqual([
      [2n, 1],
      [3n, 2],
    ])
  })

  test("is nothing when it was reverted, moves nothing, or goes to its sender", async () => {
    const address = freshAddress()
    const observer = givenObserver(chain.anvil.url)
    observer.watchNow(address, caller)
    const before = (await observer.look()).outputs.length
    await chain.transfer(address, 0n)
    await chain.proxied([address, 5n], [address, 10n ** 40n])
    await chain.proxied([caller, 5n])
    const { outputs, health } = await observer.look()
    expect(health.state).toBe("ok")
    expect(outputs).toHaveLength(before)
  })

  test("counts only in the token that is configured", async () => {
    const address = freshAddress()
    const other = "0xcb444e90d8198415266c6a2724b7900fb12fc56e"
    await placeToken(chain.anvil.rpc, other)
    await chain.transact(other, mintInput(address, 7n))
    await chain.transact(eureV2, mintInput(address, 8n))
    const observer = givenObserver(chain.anvil.url)
    observer.watchNow(address)
    expect((await observer.look()).outputs.map(({ amount }) => amount)).toEqual([8n])
  })

  test("that came before the address was watched is found in the history", async () => {
    const address = freshAddress()
    const observer = givenObserver(chain.anvil.url, { span_blocks_max: 7, first_block: 35_656_951 })
    observer.watchNow(handleB)
    await observer.look()
    await chain.transfer(address, 3n)
    await chain.mine(40)
    await observer.look()
    observer.watchNow(handleB, address)
    expect((await observer.look()).outputs).toMatchObject([{ funding_handle: address, final: true }])
  })

  test("is named by the handle as it was given, however it is written", async () => {
    const address = "0xABCDEF00000000000000000000000000000000ab"
    const observer = givenObserver(chain.anvil.url)
    observer.watchNow(address, "bcrt1qelsewhere")
    await chain.transact(eureV2, transferInput(address, 9n))
    expect((await observer.look()).outputs).toMatchObject([{ funding_handle: address }])
    expect(Object.keys(observer.status().refused_handles)).toEqual(["bcrt1qelsewhere"])
  })

  test("is found in the history whichever group of addresses it is asked in", async () => {
    const many = Array.from({ length: 600 }, freshAddress)
    const paid = [many[0] ?? "", many[300] ?? "", many[599] ?? ""]
    for (const address of paid) await chain.transfer(address, 6n)
    await chain.mine(5)
    const observer = givenObserver(chain.anvil.url)
    observer.watchNow(...many)
    expect((await observer.look()).outputs.map(({ funding_handle }) => funding_handle)).toEqual(paid)
  })

  test("is picked out of all transfers when very many addresses are watched, with no more calls", async () => {
    const address = freshAddress()
    const many = Array.from({ length: 3_000 }, freshAddress)
    await chain.transfer(address, 4n)
    await chain.mine(50)
    await using proxy = await lyingProxy(chain.anvil.url)
    const callsFor = async (...watched: string[]) => {
      const observer = givenObserver(proxy.url)
      observer.watchNow(...watched)
      proxy.asked.length = 0
      expect((await observer.look()).outputs).toMatchObject([{ funding_handle: address, amount: 4n }])
      return proxy.asked.length
    }
    const few = await callsFor(address)
    expect(await callsFor(address, ...many)).toBeLessThanOrEqual(few)
  })
})

describe("the doctor", () => {
  test("says on which chain the node is and how far, and when it is another one", async () => {
    const here = endpoint(chain.anvil.url)
    const [finding] = await examineEvm(here, null)
    expect(finding).toMatchObject({ state: "ok", says: expect.stringMatching(/: chain \d+, at block \d+$/) })
    expect(await examineEvm(here, "1")).toEqual([
      expect.objectContaining({ state: "wrong", says: expect.stringContaining("GNOSIS_CHAIN_ID says 1") }),
    ])
  })
})
