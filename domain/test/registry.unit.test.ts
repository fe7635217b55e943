import { describe, expect, it } from "vitest"
import { topicByName, topics } from "../src/registry.ts"
import { anyRecord } from "./records.ts"

describe("the registry of topics", () => {
  it("knows the six topics, each found by its name", () => {
    expect(topics.map((topic) => topic.name).toSorted()).toEqual([
      "exec.trade_result",
      "ops.alert",
      "ops.funding_observation",
      "ops.liquidity_action",
      "ref.market_price",
      "state.intent_inventory",
    ])
    for (const topic of topics) expect(topicByName(topic.name)).toBe(topic)
    expect(topicByName("ops.unheard_of")).toBeUndefined()
    expect(topicByName("__proto__")).toBeUndefined()
  })

  it("gives each topic a name and a table of its own, fit for Kafka and SQL", () => {
    const tables = topics.map((topic) => topic.evidenceTable)
    expect(new Set(topics.map((topic) => topic.name)).size).toBe(topics.length)
    expect(new Set(tables).size).toBe(topics.length)
    for (const table of tables) expect(table).toMatch(/^[a-z][a-z_]{1,40}$/)
    for (const topic of topics)
      for (const column of Object.keys(topic.columns)) expect(column).toMatch(/^[a-z][a-z_]{1,40}$/)
  })

  it("has columns that leave room for those of every evidence table", () => {
    const taken = ["topic_partition", "kafka_offset", "event_id", "payload", "ingested_at", "leaf_hash"]
    for (const topic of topics)
      for (const name of taken) expect(Object.keys(topic.columns), topic.name).not.toContain(name)
  })

  it("has a generator of records for every topic", () => {
    expect([...anyRecord.keys()].toSorted()).toEqual(topics.map((topic) => topic.name).toSorted())
  })
})
