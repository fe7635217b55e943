import { Fenced } from "@landfall/adapters/kafka/publisher"
import { expect, test } from "vitest"
import { address, givenManager, givenTopics, named, output } from "./given-manager.ts"

test("an address that the bridge names is recorded, watched in the same round, and recorded once", async () => {
  const { manager, topics, watched, stop } = await givenManager()
  await manager.refresh()
  expect(topics.actions()).toMatchObject([{ ...named, action: "deposit_handle_issued" }])
  expect(watched).toEqual([[address], [address]])
  await stop()
})

test("a deposit is published once, and each change of it in the next revision", async () => {
  const { manager, facts, topics, stop } = await givenManager()
  facts.outputs = [output()]
  expect((await manager.refresh())?.observations).toHaveLength(1)
  expect((await manager.refresh())?.observations).toHaveLength(0)
  facts.outputs = [output({ confirmations: 1, block_hash: "bb".repeat(32), block_height: 100 })]
  await manager.refresh()
  expect(topics.observations().map(({ revision, status }) => `${revision} ${status}`)).toEqual([
    "1 seen",
    "2 confirming",
  ])
  await stop()
})

test("what the bridge credits while a chain is asked waits for the next look, which may show another deposit behind it", async () => {
  const { manager, facts, topics, stop } = await givenManager()
  facts.outputs = [output()]
  await manager.refresh()
  const replacement = output({ tx_hash: "cc".repeat(32), confirmations: 2, block_hash: "bb".repeat(32) })
  // The process stood still after the chain's answer: meanwhile the deposit was replaced, mined and credited.
  facts.meanwhile = () => {
    facts.rows = [
      {
        tx_hash: replacement.tx_hash,
        chain: "bitcoin",
        asset_id: "BTC",
        address,
        amount: replacement.amount,
        account_id: "desk.near",
        status: "COMPLETED",
      },
    ]
  }
  await manager.refresh()
  facts.outputs = [replacement]
  await manager.refresh()
  const short = topics.observations().map(({ tx_hash, status }) => `${tx_hash?.slice(0, 2)} ${status}`)
  expect(short).toEqual(["aa seen", "cc credited"])
  await stop()
})

test.each(["commit and fail", "fail"] as const)(
  "a publication whose answer is lost (%s) is neither repeated nor forgotten",
  async (how) => {
    const { manager, facts, topics, stop } = await givenManager()
    facts.outputs = [output()]
    topics.failNext(how)
    expect(await manager.refresh()).toBeNull()
    await expect.poll(() => manager.trouble()).toBeNull()
    await manager.refresh()
    expect(topics.observations().map(({ revision }) => revision)).toEqual([1])
    expect(topics.opened()).toBe(2)
    await stop()
  },
)

test("a manager that starts anew goes on where the topics end", async () => {
  const topics = givenTopics()
  const before = await givenManager(topics)
  before.facts.outputs = [output()]
  await before.manager.refresh()
  await before.stop()
  const after = await givenManager(topics)
  after.facts.outputs = [output()]
  await after.manager.refresh()
  expect(topics.observations().map(({ revision }) => revision)).toEqual([1])
  expect(topics.actions()).toHaveLength(1)
  await after.stop()
})

test("a manager that another has fenced ends and says so", async () => {
  const { manager, facts, topics, done } = await givenManager()
  facts.outputs = [output()]
  topics.failNext(new Fenced("another instance now holds the transactional id"))
  expect(await manager.refresh()).toBeNull()
  await expect(done).rejects.toThrow(/another instance/)
})

test("a manager that sees another's publication ends, and knows its own when they come back", async () => {
  const { manager, facts, topics, tail, done } = await givenManager()
  facts.outputs = [output()]
  await manager.refresh()
  const [own] = topics.observations()
  if (own === undefined) throw new Error("nothing was published")
  await tail(own)
  expect(manager.trouble()).toBeNull()
  void tail({ ...own, revision: 2, funding_observation_id: "0".repeat(36) })
  await expect(done).rejects.toThrow(/another instance published revision 2/)
})

test("a first look at a long history is published in parts", async () => {
  const { manager, facts, topics, stop } = await givenManager()
  facts.outputs = Array.from({ length: 5_001 }, (_, output_index) => output({ output_index }))
  await manager.refresh()
  expect(topics.batches.map((batch) => batch.length)).toEqual([1, 5_000, 1])
  expect((await manager.refresh())?.observations).toEqual([])
  await stop()
})

test("an address that was retired is not issued again, but still watched", async () => {
  const { manager, topics, watched, stop } = await givenManager()
  const [issued] = topics.actions()
  if (issued === undefined) throw new Error("no address was issued")
  const { foldTail } = await import("../src/session.ts")
  const retired = { ...issued, action: "deposit_handle_retired", occurred_at: "2027-01-01T00:00:00.000Z" }
  foldTail(
    manager.state(),
    [{ topic: "ops.liquidity_action", partition: 0, next: 9, record: retired }],
    new Set(),
  )
  expect([...manager.state().handles.values()]).toMatchObject([{ active: false }])
  expect(manager.state().position).toMatchObject({ "ops.liquidity_action": { "0": 9 } })
  await manager.refresh()
  expect(topics.actions()).toHaveLength(1)
  expect(watched.at(-1)).toEqual([address])
  await stop()
})
