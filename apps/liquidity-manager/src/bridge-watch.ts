import { setTimeout as sleep } from "node:timers/promises"
import type { Bridge } from "@landfall/adapters/bridge/bridge"
import { backoffDelayMs } from "@landfall/adapters/net/backoff"
import type { RequestOptions } from "@landfall/adapters/net/json-client"
import type { Amount } from "@landfall/domain/amount"
import { timestamp } from "@landfall/domain/timestamp"
import type { BridgeDeposit } from "@landfall/evaluators/funding/facts"
import type { FundingConfig } from "./funding-config.ts"
import type { NamedHandle } from "./handles.ts"

/** How the bridge stands, as `/state` shows it. */
export interface BridgeStatus {
  readonly healthy: boolean
  readonly last_poll_at: string | null
  readonly last_success_at: string | null
  readonly last_error: string | null
  /** Rows of the latest listing that could not be read. */
  readonly unreadable_rows: ReadonlyArray<string>
}

/**
 * What the bridge said last. It is asked beside the chains, so that a slow bridge delays no observation; what it said
 * stays when it stops answering.
 */
export interface BridgeWatch {
  readonly rows: () => ReadonlyArray<BridgeDeposit>
  readonly handles: () => ReadonlyArray<NamedHandle>
  /** The least that the bridge credits, by asset; empty before it has said so. */
  readonly minimums: () => ReadonlyMap<string, Amount>
  readonly status: () => BridgeStatus
  /** Asks now; resolves when it has answered or failed. */
  readonly poll: (signal?: AbortSignal) => Promise<void>
  /** Asks at the interval until the signal aborts. */
  readonly run: (signal: AbortSignal) => Promise<void>
}

export interface BridgeWatchOptions {
  readonly bridge: Bridge
  readonly config: FundingConfig
  readonly accounts: ReadonlyArray<string>
  readonly pollIntervalMs: number
  readonly handleIntervalMs: number
  readonly now: () => number
  readonly random: () => number
  /** Told once when the bridge begins to fail, and once when it answers again (`null`). */
  readonly onChange: (error: string | null) => void
}

/** The bridge changes its minimums rarely. */
const minimumsIntervalMs = 600_000
const backoff = { base_ms: 500, cap_ms: 10_000 }
/** Printable ASCII without spaces: what an address of any chain is made of. */
const addressShape = /^[\x21-\x7e]{1,128}$/

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** Follows the bridge for the given accounts on all configured chains. */
export const watchBridge = (options: BridgeWatchOptions): BridgeWatch => {
  const { bridge, config, accounts, now } = options
  const chains = [...new Set(config.assets.map((asset) => asset.bridge_chain))]
  const places = accounts.flatMap((account_id) =>
    chains.map((bridge_chain) => ({ account_id, bridge_chain })),
  )
  const rows = new Map<string, ReadonlyArray<BridgeDeposit>>()
  const unreadable = new Map<string, ReadonlyArray<string>>()
  const addresses = new Map<string, ReadonlyArray<NamedHandle>>()
  let minimums: ReadonlyMap<string, Amount> = new Map()
  let failures = 0
  let lastPoll: string | null = null
  let lastSuccess: string | null = null
  let lastError: string | null = "not asked yet"
  let handlesDue_ms = 0
  let minimumsDue_ms = 0
  let polling: Promise<void> | null = null

  const askDeposits = async (
    account_id: string,
    bridge_chain: string,
    request: RequestOptions,
  ): Promise<void> => {
    const deposits = await bridge.recentDeposits(account_id, bridge_chain, request)
    rows.set(`${account_id} ${bridge_chain}`, deposits.rows)
    unreadable.set(`${account_id} ${bridge_chain}`, deposits.problems)
  }

  const askAddress = async (
    account_id: string,
    bridge_chain: string,
    request: RequestOptions,
  ): Promise<void> => {
    // The bridge refuses when it issued no address yet, which is no failure; anything else shows in the deposits too.
    const funding_handle = await bridge.depositAddress(account_id, bridge_chain, request).catch(() => null)
    if (funding_handle === null || !addressShape.test(funding_handle)) return
    addresses.set(
      `${account_id} ${bridge_chain}`,
      config.assets
        .filter((asset) => asset.bridge_chain === bridge_chain)
        .map(({ asset_id, chain }) => ({ account_id, asset_id, chain, funding_handle })),
    )
  }

  const askAll = async (request: RequestOptions): Promise<void> => {
    lastPoll = timestamp(now())
    const handlesAreDue = now() >= handlesDue_ms
    if (handlesAreDue) handlesDue_ms = now() + options.handleIntervalMs
    const asked = places.flatMap(({ account_id, bridge_chain }) => [
      askDeposits(account_id, bridge_chain, request),
      ...(handlesAreDue ? [askAddress(account_id, bridge_chain, request)] : []),
    ])
    if (now() >= minimumsDue_ms)
      asked.push(
        bridge.minimumDeposits(request).then((said) => {
          minimums = said
          minimumsDue_ms = now() + minimumsIntervalMs
        }),
      )
    const failed = (await Promise.allSettled(asked)).find((outcome) => outcome.status === "rejected")
    if (failed === undefined) {
      if (failures > 0) options.onChange(null)
      failures = 0
      lastSuccess = timestamp(now())
      lastError = null
      return
    }
    lastError = messageOf(failed.reason)
    failures++
    if (failures === 1) options.onChange(lastError)
  }

  const poll = (signal?: AbortSignal): Promise<void> => {
    polling ??= askAll(signal === undefined ? {} : { signal }).finally(() => {
      polling = null
    })
    return polling
  }

  return {
    rows: () => [...rows.values()].flat(),
    handles: () => [...config.handles, ...[...addresses.values()].flat()],
    minimums: () => minimums,
    status: () => ({
      healthy: lastError === null,
      last_poll_at: lastPoll,
      last_success_at: lastSuccess,
      last_error: lastError,
      unreadable_rows: [...unreadable.values()].flat().slice(0, 20),
    }),
    poll,
    run: async (signal) => {
      while (!signal.aborted) {
        const started_ms = now()
        await poll(signal)
        const pause_ms =
          failures > 0 ? backoffDelayMs(failures, backoff, options.random) : options.pollIntervalMs
        const rest_ms = Math.max(0, started_ms + pause_ms - now())
        await sleep(rest_ms, undefined, { signal }).catch(() => {})
      }
    },
  }
}
