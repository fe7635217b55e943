import { bitcoindRpc } from "@landfall/adapters/chain/bitcoin-rpc"
import { bitcoindObserver } from "@landfall/adapters/chain/bitcoind"
import { bothObservers } from "@landfall/adapters/chain/both"
import type { ChainObserver } from "@landfall/adapters/chain/observer"
import { endpoint } from "@landfall/adapters/config/endpoint"
import { afterAll, beforeAll, expect, test, vi } from "vitest"
import { expecting, givenChain, givenObserver, outputsOf } from "./given-esplora.ts"

let chain: Awaited<ReturnType<typeof givenChain>>

beforeAll(async () => {
  chain = await givenChain()
}, 120_000)

afterAll(async () => {
  await chain?.[Symbol.asyncDispose]()
})

const wallet = "landfall-watch"

/** bitcoind's wallet and Esplora over the same node, as the liquidity manager has them. */
const givenBoth = () => {
  const bitcoind = bitcoindObserver({
    rpc: bitcoindRpc({ endpoint: endpoint(chain.node.url), wallet }),
    wallet,
    network: "regtest",
    tip_age_ms_max: null,
    now: Date.now,
    random: () => 0,
  })
  const esplora: ChainObserver = givenObserver(chain.server.url)
  const both = bothObservers(
    { source: "bitcoind", observer: bitcoind },
    { source: "esplora", observer: esplora },
    { now: Date.now, wait_ms: 20_000 },
  )
  return expecting(both)
}

test("a deposit that is replaced is gone when both have noticed, and not before", async () => {
  const { node, server } = chain
  const both = givenBoth()
  const address = await chain.newAddress()
  both.watchNow(address)
  expect(await both.look(6)).toMatchObject({ complete: true, health: { state: "ok" } })
  const txid = await node.miner<string>("sendtoaddress", address, "0.7")
  await vi.waitFor(async () => {
    const sighting = await both.look(6)
    expect(sighting.health.state).toBe("ok")
    expect(outputsOf(sighting, txid)).toMatchObject([{ in_mempool: true }])
  })

  // Esplora does not notice the replacement: for it, the first transaction is still there.
  server.setFrozen(true)
  const successor = (await node.miner<{ txid: string }>("bumpfee", txid)).txid
  await vi.waitFor(async () => {
    const sighting = await both.look(6)
    expect(outputsOf(sighting, successor)).toMatchObject([{ in_mempool: true, source: "bitcoind" }])
    expect(outputsOf(sighting, txid)).toMatchObject([{ in_mempool: true, source: "esplora" }])
  })

  server.setFrozen(false)
  expect(outputsOf(await both.look(6), txid)).toMatchObject([
    { in_mempool: false, successor_tx_hash: successor },
  ])

  // One of the two is away: what the other says is gone stays, and what it sees is shown.
  const later = await node.miner<string>("sendtoaddress", address, "0.3")
  await vi.waitFor(async () => expect(outputsOf(await both.look(6), later)).toHaveLength(1))
  server.setFault({ kind: "reset" })
  await node.miner("bumpfee", later)
  const alone = await both.look(6)
  expect(alone).toMatchObject({ complete: false, gone: [], health: { state: "lagging" } })
  expect(outputsOf(alone, later).filter(({ in_mempool }) => in_mempool === false)).toEqual([])
  expect(both.status().last_error).toContain("esplora: esplora at http://127.0.0.1")
  const [block] = await node.mine(1)
  expect(outputsOf(await both.look(6), successor)).toMatchObject([{ block_hash: block, source: "bitcoind" }])
})
