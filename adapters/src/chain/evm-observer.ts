import { setTimeout as sleep } from "node:timers/promises"
import { timestamp } from "@landfall/domain/timestamp"
import type { ObserverHealth } from "@landfall/domain/topics/funding-observation"
import type { ChainSighting } from "@landfall/evaluators/funding/facts"
import type { ExpectedOutput, WatchPlan } from "@landfall/evaluators/funding/watch-plan"
import { backoffDelayMs } from "../net/backoff.ts"
import { heldOutputs, outputKey } from "./evm-held.ts"
import { evmReader } from "./evm-reader.ts"
import type { EvmRpc } from "./evm-rpc.ts"
import { createScan, type ScanOptions, tokenAddress } from "./evm-scan.ts"
import { type EvmTipOptions, type EvmTipReport, evmTip } from "./evm-tip.ts"
import type { ChainObserver } from "./observer.ts"
import { recordedTipGuard } from "./recorded-tip.ts"

export interface EvmObserverOptions
  extends Omit<EvmTipOptions, "token">,
    Pick<ScanOptions, "first_block" | "span_blocks_max" | "budget_ms"> {
  readonly rpc: EvmRpc
  /** The token contract whose transfers are deposits. */
  readonly token: string
  /** A poll waits so long for the node; a slower look goes on, and a later poll tells what it saw. */
  readonly wait_ms?: number
  /** Randomness in [0, 1) for the wait between attempts while the node is away. */
  readonly random: () => number
}

const backoff = { base_ms: 250, cap_ms: 5_000 }
/** A node that does not say what is final is taken to be able to change so many blocks. */
const unfinalBlocks = 128
/** What else waits for this poll, such as another chain, is not to wait for a node that hangs. */
const waitMs = 2_000
/**
 * A week of blocks on Gnosis. What was recorded below that depth under the final block cannot have left the chain; a
 * node that does not list it any more has thrown old history away.
 */
const settledBlocks = 120_960
/** Missing outputs that are asked about in one poll; the others wait for the next. */
const askedMax = 100

/**
 * Sees transfers of one token to the watched addresses. What is new is read block by block, by hash; history in
 * searches over ranges. An output is gone only when its block left the chain, everything up to the head was read,
 * and the node, asked for the very transaction, does not have it on its chain.
 */
export const evmObserver = (options: EvmObserverOptions): ChainObserver => {
  const { rpc, now } = options
  const token = tokenAddress(options.token)
  const reader = evmReader(rpc, token)
  const held = heldOutputs(token)
  const scan = createScan({ ...options, reader, held })
  const tip = evmTip(rpc, { ...options, token })
  const recordedTip = recordedTipGuard()
  /** What was recorded as being on the chain, until everything was read and it was found, or found to be gone. */
  const awaited = new Map<string, ExpectedOutput>()
  let looking: Promise<ChainSighting> | null = null
  let failures = 0
  let nextTry_ms = 0
  let health: ObserverHealth = { state: "down", tip_height: null, tip_at: null }
  let lastPoll: string | null = null
  let lastSuccess: string | null = null
  let lastError: string | null = "not asked yet"

  /** Asks about outputs that should be there and were not found. Gives what contradicts what was read. */
  const resolveMissing = async (final_height: number): Promise<ReadonlyArray<string>> => {
    // More may come to be awaited while the node is asked.
    const considered = [...awaited]
    const oldest = final_height - settledBlocks
    const missing = held.missing(
      considered.map(([, output]) => output).filter(({ block_height = oldest }) => block_height >= oldest),
    )
    const asked = missing.slice(0, askedMax)
    const words = await reader.receipts(asked.map(({ tx_hash }) => tx_hash))
    const contradictions: string[] = []
    for (const [index, output] of asked.entries()) {
      const word = words[index] ?? null
      const transfer = word?.transfers.find(({ nth }) => nth === output.output_index)
      if (word === null || transfer === undefined) {
        held.declareGone(output)
        continue
      }
      const there =
        word.block_height <= scan.height() && (await scan.reread(word.block_height, word.block_hash))
      if (there && held.has(output)) continue
      if (there && !scan.watches(transfer.to)) held.notOurs(output)
      else {
        contradictions.push(
          `the node has ${output.tx_hash} in block ${word.block_hash}, at ${word.block_height}, but does not list its transfer there`,
        )
        scan.distrust(word.block_height)
      }
    }
    if (contradictions.length === 0 && missing.length === asked.length)
      for (const [key] of considered) awaited.delete(key)
    return contradictions
  }

  const look = async (recorded_tip_height: number | undefined): Promise<ChainSighting> => {
    const report: EvmTipReport = await tip.look()
    const { head, final_height } = report
    const settled_height = final_height ?? Math.max(0, head.height - unfinalBlocks)
    const unread = await scan.advance(head, settled_height)
    const late = recordedTip.behind(head.height, recorded_tip_height)
    const behind = [...report.reasons, ...(late === null ? [] : [late]), ...unread]
    if (behind.length === 0) behind.push(...(await resolveMissing(settled_height)))
    const ok = behind.length === 0
    if (ok) recordedTip.wasOk()
    health = { ...report.tip, state: ok ? "ok" : "lagging" }
    lastError = ok ? null : behind.join("; ")
    const outputs = held.list({ tip: Math.max(head.height, scan.height()), final: final_height ?? -1, ok })
    // A transfer of before the history that was read may exist, so a listing is never complete; `gone` says it all.
    return { source: "evm", health, outputs, gone: ok ? held.gone() : [], complete: false }
  }

  const nothing = (): ChainSighting => ({ source: "evm", health, outputs: [], gone: [], complete: false })

  /** One look; it never rejects. */
  const attempt = async ({ recorded_tip_height }: WatchPlan): Promise<ChainSighting> => {
    try {
      const sighting = await look(recorded_tip_height)
      failures = 0
      lastSuccess = timestamp(now())
      return sighting
    } catch (error) {
      failures++
      nextTry_ms = now() + backoffDelayMs(failures, backoff, options.random)
      tip.reconnected()
      health = { ...health, state: "down" }
      lastError = error instanceof Error ? error.message : String(error)
      return nothing()
    }
  }

  return {
    watch: scan.watch,
    poll: async (plan) => {
      for (const output of plan.expected) awaited.set(outputKey(output), output)
      if (looking === null && now() < nextTry_ms) return nothing()
      lastPoll = timestamp(now())
      looking ??= attempt(plan)
      const stop = new AbortController()
      const late = sleep(options.wait_ms ?? waitMs, null, { signal: stop.signal, ref: false }).catch(
        () => null,
      )
      const sighting = await Promise.race([looking, late])
      stop.abort()
      if (sighting === null) {
        if (health.state === "ok") health = { ...health, state: "lagging" }
        lastError = `the node has not answered within ${options.wait_ms ?? waitMs} ms`
        return nothing()
      }
      looking = null
      return sighting
    },
    status: () => ({
      health,
      last_poll_at: lastPoll,
      last_success_at: lastSuccess,
      last_error: lastError,
      refused_handles: Object.fromEntries(scan.refused()),
    }),
  }
}
