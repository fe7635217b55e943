import { loadSettings, SettingsError } from "@landfall/adapters/config/settings"
import { describe, expect, test } from "vitest"
import { bitcoinObservers, bitcoinProblems } from "../src/bitcoin.ts"
import { settingsTable } from "../src/settings.ts"

/** Nothing listens there. */
const bitcoind = "http://desk:s3cret-of-node@127.0.0.1:1"
const esplora = "esplora+http://desk:s3cret-of-esplora@127.0.0.1:1/api"

const settingsOf = (changes: { readonly [name: string]: string }) =>
  loadSettings(
    settingsTable,
    {
      KAFKA_BROKERS: "127.0.0.1:9092",
      DATABASE_URL: "postgres://u:p@127.0.0.1/landfall",
      BRIDGE_URL: "http://127.0.0.1:1/rpc",
      ACCOUNT_ID: "desk.near",
      BITCOIN_NETWORK: "regtest",
      ...changes,
    },
    bitcoinProblems,
  )

const shell = { now: Date.now, random: () => 0, onCall: () => {} }

/** What the configured observers say at their first poll. */
const firstPoll = async (changes: { readonly [name: string]: string }) => {
  const [observer, ...others] = bitcoinObservers(settingsOf(changes), shell)
  expect(others).toEqual([])
  if (observer === undefined) return null
  const sighting = await observer.poll({ confirmations: 6, expected: [] })
  return { chain: observer.chain, sighting, error: observer.status().last_error ?? "" }
}

describe("the observers of Bitcoin", () => {
  test("are none, bitcoind, or an Esplora server, as the address says", async () => {
    expect(await firstPoll({})).toBeNull()
    const node = await firstPoll({ BITCOIN_OBSERVER_URL: bitcoind })
    expect(node).toMatchObject({
      chain: "bitcoin",
      sighting: { source: "bitcoind", health: { state: "down" } },
      error: expect.stringContaining("bitcoind at http://127.0.0.1:1"),
    })
    const server = await firstPoll({ BITCOIN_OBSERVER_URL: esplora })
    expect(server).toMatchObject({
      sighting: { source: "esplora", health: { state: "down" }, complete: false },
      error: expect.stringContaining("esplora at http://127.0.0.1:1/…"),
    })
  })

  test("are both when a second is configured, whichever is first", async () => {
    const urls = [bitcoind, esplora] as const
    for (const [first, second] of [urls, urls.toReversed()]) {
      const both = await firstPoll({
        BITCOIN_OBSERVER_URL: first ?? "",
        BITCOIN_SECOND_OBSERVER_URL: second ?? "",
      })
      expect(both?.sighting).toMatchObject({ health: { state: "down" }, complete: false })
      expect(both?.error).toContain("bitcoind: bitcoind at http://127.0.0.1:1")
      expect(both?.error).toContain("esplora: esplora at http://127.0.0.1:1/…")
      expect(both?.error).not.toContain("s3cret")
    }
  })

  test("cannot be a second one without a first", () => {
    const problems = (() => {
      try {
        settingsOf({ BITCOIN_SECOND_OBSERVER_URL: esplora })
      } catch (error) {
        if (error instanceof SettingsError) return error.problems
      }
      return []
    })()
    expect(problems).toEqual([expect.stringMatching(/^BITCOIN_SECOND_OBSERVER_URL is set/)])
  })
})
