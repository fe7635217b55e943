import { readFile, rm } from "node:fs/promises"
import { join } from "node:path"
import type { Bitcoind } from "@landfall/setup/parts/bitcoind"
import { afterAll, beforeAll, expect, test } from "vitest"
import { givenDesk, senderOf } from "./bitcoin-desk.ts"
import { givenBitcoind } from "./given-bitcoind.ts"

let node: Bitcoind & AsyncDisposable & { readonly dir: string }
let sender: ReturnType<typeof senderOf>

beforeAll(async () => {
  node = await givenBitcoind()
  sender = senderOf(node)
  await node.mine(10)
}, 120_000)

afterAll(async () => {
  await node?.[Symbol.asyncDispose]()
})

/** A desk that has seen one unmined deposit, and a dearer transaction that takes its coin. */
const givenSeen = async () => {
  const address = await sender.newAddress()
  const desk = await givenDesk(node, address)
  const { raw, rival } = await sender.rivals(address)
  const txid = await sender.broadcast(raw)
  expect(await desk.summaryWith(txid)).toEqual(["seen (first_seen)"])
  return { desk, txid, rival }
}

test("while bitcoind has headers whose blocks it lacks, a replaced deposit is not gone", async () => {
  const { desk, rival } = await givenSeen()
  await sender.broadcast(rival)
  const { hex } = await node.rpc<{ hex: string }>("generateblock", await sender.newAddress(), [], false)
  const headerDigits = 160
  await node.rpc("submitheader", hex.slice(0, headerDigits))
  expect(await desk.summary()).toEqual([])
  expect(desk.health()).toBe("lagging")
  expect(desk.lastError()).toMatch(/the node has (\d+) of \d+ blocks/)
  await node.rpc("submitblock", hex)
  expect(await desk.summary()).toEqual(["replaced (replaced)"])
  expect(desk.health()).toBe("ok")
  await node.mine(1)
})

test("while bitcoind does not answer, nothing is gone; when it goes on, what happened meanwhile is told", async () => {
  const { desk, txid, rival } = await givenSeen()
  const successor = await sender.broadcast(rival)
  const pid = Number(await readFile(join(node.dir, "regtest", "bitcoind.pid"), "utf8"))
  process.kill(pid, "SIGSTOP")
  try {
    expect(await desk.summary()).toEqual([])
    expect(desk.health()).toBe("down")
    expect(desk.lastError()).toMatch(/not answered/)
  } finally {
    process.kill(pid, "SIGCONT")
  }
  await expect.poll(() => desk.summary(), { timeout: 15_000 }).toEqual(["replaced (replaced)"])
  expect(desk.of(txid)).toMatchObject([{ successor_tx_hash: successor }])
  await node.mine(1)
})

test("across a restart of bitcoind nothing is gone, and a block that came meanwhile is told", async () => {
  const { desk, txid } = await givenSeen()
  await node.stop()
  expect(await desk.summary()).toEqual([])
  expect([desk.health(), desk.lastError()]).toEqual(["down", expect.stringMatching(/is it running/)])
  await node.restart()
  await node.mine(1)
  await expect.poll(() => desk.summary(), { timeout: 15_000 }).toEqual(["confirming (mined)"])
  expect(desk.of(txid)).toMatchObject([{ confirmations: 1 }])
})

/** A desk with a deposit in the newest block of a node that then loses all its blocks; the wallets stay. */
const givenLostChain = async () => {
  const address = await sender.newAddress()
  const desk = await givenDesk(node, address)
  await sender.send(address, "0.3")
  await node.mine(1)
  expect(await desk.summary()).toEqual(["confirming (first_seen)"])
  const height = await node.rpc<number>("getblockcount")
  await node.stop()
  for (const lost of ["blocks", "chainstate", "mempool.dat"])
    await rm(join(node.dir, "regtest", lost), { recursive: true, force: true })
  await node.restart()
  return { desk, height }
}

test("a bitcoind that has lost its chain takes nothing back before it is as high again", async () => {
  const { desk, height } = await givenLostChain()
  await node.mine(1)
  expect(await desk.summary()).toEqual([])
  expect(desk.health()).toBe("lagging")
  expect(desk.lastError()).toMatch(`the node is at height 1 and does not know block`)
  await node.mine(height - 2)
  expect(await desk.summary()).toEqual([])
  expect(desk.health()).toBe("lagging")
  await node.mine(1)
  expect(await desk.summary()).toEqual(["reorged (reorged)"])
  expect(desk.health()).toBe("ok")
}, 60_000)

test("a bitcoind that knows the block of no cursor any more (error -5) is asked for everything", async () => {
  const { desk, height } = await givenLostChain()
  const kept = await sender.newAddress()
  // Nobody looks before the other chain is longer, so that all that the observer knows is gone.
  await node.rpc("generatetoaddress", height + 1, kept)
  expect(await desk.summary()).toEqual(["reorged (reorged)"])
  expect(desk.health()).toBe("ok")
}, 60_000)
