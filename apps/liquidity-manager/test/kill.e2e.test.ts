import { setTimeout as sleep } from "node:timers/promises"
import type { FundingObservation } from "@landfall/domain/topics/funding-observation"
import { until } from "@landfall/sandbox/until"
import { afterAll, beforeAll, expect, test } from "vitest"
import { type GivenProcess, givenStack, ready, type Stack } from "./given-stack.ts"

let stack: Stack

beforeAll(async () => {
  stack = await givenStack()
})

afterAll(() => stack?.[Symbol.asyncDispose](), 60_000)

/** Each transfer's revisions must be 1, 2, 3 … in the order of the topic. */
const expectEachRevisionOnce = (observations: ReadonlyArray<FundingObservation>): void => {
  const revisions = Map.groupBy(observations, (seen) => seen.transfer_id)
  for (const seen of revisions.values())
    expect(seen.map(({ revision }) => revision)).toEqual(seen.map((_, index) => index + 1))
}

const latestOf = (observations: ReadonlyArray<FundingObservation>, txid: string) =>
  observations.findLast((seen) => seen.tx_hash === txid)

const reached = (txid: string, status: string): Promise<unknown> =>
  until(`${txid} is ${status}`, async () =>
    latestOf(await stack.observations(), txid)?.status === status ? true : null,
  )

const newHandle = async (): Promise<string> => {
  const address = await stack.bitcoind.miner<string>("getnewaddress")
  stack.bridge.issue(address)
  return address
}

const send = (address: string, bitcoin: string): Promise<string> =>
  stack.bitcoind.miner<string>("sendtoaddress", address, bitcoin)

const end = async (process: GivenProcess): Promise<void> => {
  await process.child.stop()
  expect(await process.child.exited).toEqual({ code: 0, signal: null })
}

test("a deposit confirms while the manager is killed at random moments: each revision is there once", async () => {
  const writer = await stack.start("history-writer")
  const address = await newHandle()
  let going = true
  let kills = 0
  const killing = (async () => {
    while (going) {
      const manager = await stack.start("liquidity-manager")
      // From the middle of starting up to some way into the rounds.
      await sleep(300 + Math.random() * 2_500)
      await manager.child.kill()
      kills++
    }
  })()
  const txids: string[] = []
  for (let deposit = 0; deposit < 8; deposit++) {
    txids.push(await send(address, `0.0${deposit + 1}`))
    await sleep(700)
    await stack.bitcoind.mine(1)
    await sleep(700)
  }
  await stack.bitcoind.mine(2)
  for (const [index, txid] of txids.entries())
    stack.bridge.rows.push({
      address,
      amount: (index + 1) * 1_000_000,
      // Some are credited under another hash.
      tx_hash: index % 2 === 0 ? txid : `${index}`.repeat(64),
      status: "COMPLETED",
      created_at: new Date().toISOString(),
    })
  await sleep(1_500)
  going = false
  await killing
  expect(kills).toBeGreaterThan(3)

  const manager = await stack.start("liquidity-manager")
  await ready(manager)
  for (const txid of txids) await reached(txid, "credited")
  const observations = await stack.observations()
  expectEachRevisionOnce(observations)
  expect(new Set(observations.map((seen) => seen.transfer_id)).size).toBe(txids.length)
  for (const txid of txids) {
    const seen = observations.filter((observation) => observation.tx_hash === txid)
    expect(new Set(seen.map(({ first_seen_at }) => first_seen_at)).size).toBe(1)
  }
  await end(manager)
  await end(writer)
}, 180_000)

test("of two managers the older is fenced, ends with a clear message, and nothing is published twice", async () => {
  const older = await stack.start("liquidity-manager")
  await ready(older)
  const newer = await stack.start("liquidity-manager")
  await ready(newer)
  const txid = await send(await newHandle(), "0.5")
  await until("the older has ended", async () =>
    Promise.race([older.child.exited.then(() => true), sleep(10).then(() => null)]),
  )
  expect(await older.child.exited).toEqual({ code: 1, signal: null })
  expect(await older.log()).toMatch(/another instance .*(?:holds the transactional id|has taken over)/)
  await reached(txid, "seen")
  expectEachRevisionOnce(await stack.observations())
  await end(newer)
})

test("with bitcoind and then Kafka restarted, nothing is declared gone and the manager goes on by itself", async () => {
  const manager = await stack.start("liquidity-manager")
  await ready(manager)
  const txid = await send(await newHandle(), "0.25")
  await reached(txid, "seen")
  await stack.bitcoind.stop()
  interface State {
    readonly funding_observers: { readonly bitcoin: { readonly state: string; readonly last_error: string } }
  }
  const observer = async () => (await manager.get<State>("/state")).funding_observers.bitcoin
  // A node that is being shut down may still answer for a moment, and refuses.
  await until("the observer is down, and says what to look at", async () => {
    const { state, last_error } = await observer()
    return state === "down" && /is it running/.test(last_error) ? true : null
  })
  await stack.bitcoind.restart()
  await until("the observer is ok", async () => ((await observer()).state === "ok" ? true : null))
  await stack.kafka.restart()
  await stack.bitcoind.mine(1)
  await reached(txid, "confirming")
  await ready(manager)
  const observations = await stack.observations()
  expectEachRevisionOnce(observations)
  expect(observations.filter((seen) => seen.tx_hash === txid).map((seen) => seen.status)).toEqual([
    "seen",
    "confirming",
  ])
  await end(manager)
})
