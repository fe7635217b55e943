import { loadSettings } from "@landfall/adapters/config/settings"
import { expect, test } from "vitest"
import { gnosisObservers } from "../src/gnosis.ts"
import { settingsTable } from "../src/settings.ts"

const observersFor = (env: Record<string, string>) =>
  gnosisObservers(
    loadSettings(settingsTable, {
      KAFKA_BROKERS: "127.0.0.1:9092",
      DATABASE_URL: "postgres://u:p@127.0.0.1/landfall",
      BRIDGE_URL: "http://127.0.0.1:1/rpc",
      ACCOUNT_ID: "desk.near",
      ...env,
    }),
    { now: Date.now, random: () => 0, onCall: () => {} },
  )

test("without a node there is no observer of Gnosis", () => {
  expect(observersFor({})).toEqual([])
})

test("with a node that is away the observer is down, says nothing, and shows no key", async () => {
  const [observer] = observersFor({ GNOSIS_OBSERVER_URL: "http://127.0.0.1:1/v3/the-key-of-the-desk" })
  expect(observer?.chain).toBe("gnosis")
  expect(await observer?.poll({ confirmations: 1, expected: [] })).toMatchObject({
    source: "evm",
    health: { state: "down" },
    outputs: [],
    gone: [],
    complete: false,
  })
  const shown = JSON.stringify(observer?.status())
  expect(shown).toContain("EVM node at http://127.0.0.1:1/…: the connection broke")
  expect(shown).not.toContain("the-key-of-the-desk")
})
