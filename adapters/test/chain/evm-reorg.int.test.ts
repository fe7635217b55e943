import { describe, expect, test } from "vitest"
import { ether, givenAnvil, givenObserver, handleA, handleB, steppingClock, told } from "./evm-given.ts"

describe("a reorganisation on a real EVM node", () => {
  test("takes a transfer back while it is watched, and gives it back under the same id", async () => {
    await using chain = await givenAnvil()
    const observer = givenObserver(chain.anvil.url)
    observer.watchNow(handleA)
    await observer.look()
    const tx_hash = await chain.transfer(handleA, ether)
    const raw = await chain.raw(tx_hash)
    const [before] = (await observer.look()).outputs
    await chain.reorg(1)
    const without = await observer.look()
    expect(without).toMatchObject({ health: { state: "ok" }, outputs: [] })
    expect(without.gone).toEqual([{ tx_hash, output_index: 0 }])
    // Mined again, elsewhere: behind another transfer, so that its log has another place.
    await chain.mine(2)
    await chain.reorg(2, [raw, 1])
    const again = await observer.look()
    expect(again.gone).toEqual([])
    expect(again.outputs).toMatchObject([{ tx_hash, output_index: 0, amount: ether }])
    expect(again.outputs[0]?.block_hash).not.toBe(before?.block_hash)
  })

  test("moves a transfer to another block without a moment in which it is gone", async () => {
    await using chain = await givenAnvil()
    const observer = givenObserver(chain.anvil.url)
    observer.watchNow(handleA, handleB)
    const tx_hash = await chain.proxied([handleB, 1n], [handleA, 2n])
    const raw = await chain.raw(tx_hash)
    await chain.mine(1)
    const [, before] = (await observer.look()).outputs
    await chain.reorg(2, [raw, 1])
    const { outputs, gone } = await observer.look()
    expect(gone).toEqual([])
    expect(outputs.map(told)).toEqual(["0xbB #0 1 1", "0xaA #1 2 1"])
    expect(outputs[1]?.block_height).toBe((before?.block_height ?? 0) + 1)
  })

  test("that happened while nobody watched is noticed by what was recorded", async () => {
    await using chain = await givenAnvil()
    const tx_hash = await chain.transfer(handleA, ether)
    const kept = await chain.transfer(handleA, 2n * ether)
    const keptRaw = await chain.raw(kept)
    const first = givenObserver(chain.anvil.url)
    first.watchNow(handleA)
    const recorded = (await first.look()).outputs
    expect(recorded).toHaveLength(2)
    await chain.reorg(2)
    await chain.anvil.rpc("eth_sendRawTransaction", keptRaw).catch(() => null)
    await chain.mine(200)
    const second = givenObserver(chain.anvil.url, { budget_ms: -1, span_blocks_max: 50 })
    second.watchNow(handleA)
    const expected = recorded.map(({ tx_hash, output_index, block_height = 0 }) => ({
      tx_hash,
      output_index,
      block_height,
    }))
    // The plan names them only as long as the tip is not known; reading everything takes more polls.
    let sighting = await second.look(expected)
    expect(sighting).toMatchObject({ health: { state: "lagging" }, gone: [] })
    for (let poll = 0; sighting.health.state !== "ok" && poll < 50; poll++) sighting = await second.look()
    expect(sighting.health.state).toBe("ok")
    expect(sighting.gone).toContainEqual({ tx_hash, output_index: 0 })
  })

  test("that happened while the node was away is noticed when it is back", async () => {
    await using chain = await givenAnvil()
    const observer = givenObserver(chain.anvil.url, { now: steppingClock() })
    observer.watchNow(handleA)
    const tx_hash = await chain.transfer(handleA, ether)
    expect((await observer.look()).outputs).toHaveLength(1)
    await chain.reorg(1)
    await chain.mine(3)
    await chain.anvil.stop()
    expect(await observer.look()).toMatchObject({ health: { state: "down" }, outputs: [], gone: [] })
    await chain.anvil.restart()
    expect(await observer.look()).toMatchObject({
      health: { state: "ok" },
      gone: [{ tx_hash, output_index: 0 }],
    })
  })

  test("deeper than what was final takes back what was final", async () => {
    await using chain = await givenAnvil()
    const observer = givenObserver(chain.anvil.url)
    observer.watchNow(handleA)
    await observer.look()
    const deep = await chain.transfer(handleA, ether)
    for (let block = 0; block < 60; block++) {
      await chain.mine(1)
      if (block % 7 === 0) await observer.look()
    }
    expect((await observer.look()).outputs).toMatchObject([{ tx_hash: deep, final: true }])
    await chain.reorg(61)
    expect(await observer.look()).toMatchObject({
      health: { state: "ok" },
      outputs: [],
      gone: [{ tx_hash: deep, output_index: 0 }],
    })
  })

  test("twice between two looks, and below everything that was read, ends with what the chain has", async () => {
    await using chain = await givenAnvil()
    const first = await chain.transfer(handleA, 1n)
    const raw = await chain.raw(first)
    await chain.mine(5)
    const observer = givenObserver(chain.anvil.url)
    observer.watchNow(handleA)
    await observer.look()
    await chain.reorg(6)
    await chain.reorg(6, [raw, 3])
    const back = await observer.look()
    expect(back).toMatchObject({ health: { state: "ok" }, gone: [] })
    expect(back.outputs.map(told)).toEqual(["0xaA #0 1 3 final"])
    await chain.reorg(6)
    expect(await observer.look()).toMatchObject({ outputs: [], gone: [{ tx_hash: first, output_index: 0 }] })
  })
})
