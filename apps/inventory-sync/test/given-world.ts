import { amount } from "@landfall/domain/amount"
import { type IntentInventory, intentInventoryTopic } from "@landfall/domain/topics/intent-inventory"
import { type Bridge, startBridge } from "@landfall/sandbox/bridge/start"
import type { RunningService } from "@landfall/sandbox/stack/services"
import { logOf, type PublisherParts, startPublisherParts } from "@landfall/sandbox/testing/publisher-parts"
import { until } from "@landfall/sandbox/until"
import { type SimulatedVerifier, startVerifier } from "@landfall/sandbox/verifier/start"
import { afterAll, beforeAll, onTestFinished } from "vitest"
import { StateDocument } from "../src/state.ts"

export const btcToken = "nep141:btc.omft.near"
export const interval_ms = 50
/** Longer than any test: an unchanged inventory is published once. */
export const never_ms = 3_600_000

/** `/state` as its readers see it. */
export type State = (typeof StateDocument)["Encoded"]

/** One account with a verifier, a bridge and a real topic of its own part of Kafka. */
export interface World {
  readonly account_id: string
  readonly verifier: SimulatedVerifier
  readonly bridge: Bridge
  readonly env: Readonly<Record<string, string>>
  /** Starts the service as a process; it ends with the test. */
  readonly serve: (env?: Readonly<Record<string, string>>) => Promise<RunningService>
  readonly stateOf: PublisherParts<IntentInventory, State>["stateOf"]
  readonly shows: PublisherParts<IntentInventory, State>["shows"]
  /** All that was committed for the account so far. */
  readonly events: () => Promise<ReadonlyArray<IntentInventory>>
  /** Waits for a newest event of which this holds. */
  readonly event: (what: string, holds: (event: IntentInventory) => boolean) => Promise<IntentInventory>
  readonly hold: (units: bigint) => Promise<void>
  readonly log: (service: RunningService) => Promise<string>
}

/** Starts Kafka for the tests of a file, and gives each test a world of its own. */
export const givenWorlds = (): (() => Promise<World>) => {
  let parts: PublisherParts<IntentInventory, State> | null = null
  let worlds = 0
  beforeAll(async () => {
    parts = await startPublisherParts("inventory-sync", intentInventoryTopic, StateDocument)
  }, 120_000)
  afterAll(() => parts?.stop())

  return async () => {
    if (parts === null) throw new Error("Kafka is started before the first test")
    const { kafka, records, serve, stateOf, shows } = parts
    const account_id = `desk-${++worlds}.near`
    const verifier = await startVerifier()
    const bridge = await startBridge()
    onTestFinished(() => Promise.all([verifier.stop(), bridge.stop()]).then(() => undefined))
    const events = async () => (await records()).filter((event) => event.account_id === account_id)
    const env = {
      KAFKA_BROKERS: kafka.brokers,
      ACCOUNT_ID: account_id,
      VERIFIER_URL: verifier.url,
      BRIDGE_URL: bridge.url,
      INVENTORY_POLL_INTERVAL_MS: String(interval_ms),
      INVENTORY_HEARTBEAT_MS: String(never_ms),
      LOG_LEVEL: "debug",
    }
    return {
      account_id,
      verifier,
      bridge,
      env,
      serve: async (more = {}) => {
        const service = await serve({ ...env, ...more }, account_id)
        onTestFinished(() => service.process.kill())
        return service
      },
      stateOf,
      shows,
      events,
      event: (what, holds) =>
        until(what, async () => {
          const newest = (await events()).at(-1)
          return newest !== undefined && holds(newest) ? newest : null
        }),
      hold: (units) => verifier.control.setBalance({ account_id, token_id: btcToken, amount: amount(units) }),
      log: logOf,
    }
  }
}

/** The balance of one asset in an event. */
export const balanceOf = (event: IntentInventory, asset_id: string) => {
  const balance = event.balances.find((one) => one.asset_id === asset_id)
  if (balance === undefined) throw new Error(`the event has no ${asset_id}`)
  const { spendable, pending_inbound, credited } = balance
  return { spendable, pending_inbound, credited }
}
