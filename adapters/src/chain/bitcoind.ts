import { setTimeout as sleep } from "node:timers/promises"
import { timestamp } from "@landfall/domain/timestamp"
import type { ObserverHealth } from "@landfall/domain/topics/funding-observation"
import type { ChainSighting } from "@landfall/evaluators/funding/facts"
import type { WatchPlan } from "@landfall/evaluators/funding/watch-plan"
import { backoffDelayMs } from "../net/backoff.ts"
import { BitcoindError, type BitcoindRpc } from "./bitcoin-rpc.ts"
import { answerReader, MempoolInfo, WalletListing } from "./bitcoin-schemas.ts"
import { mempoolWatch } from "./mempool-watch.ts"
import type { ChainObserver } from "./observer.ts"
import { recordedTipGuard } from "./recorded-tip.ts"
import { type TipReport, type TipWatchOptions, tipWatch } from "./tip-watch.ts"
import { findConflicted } from "./unlisted.ts"
import { type MempoolWord, readListing, unminedTransactions } from "./wallet-listing.ts"
import { type WatchedAddress, watchWallet } from "./watch-wallet.ts"

export interface BitcoindObserverOptions extends TipWatchOptions {
  readonly rpc: BitcoindRpc
  /** The watch-only wallet; made when it does not exist. */
  readonly wallet: string
  /** Randomness in [0, 1) for the wait between attempts while bitcoind is away. */
  readonly random: () => number
}

/** Blocks beyond the policy that a listing still covers, so that most reorganisations need no `removed`. */
const reorgMargin = 6
/** Older cursors to fall back to when bitcoind no longer knows the newest. */
const cursorsMax = 20
/** The tip may move while the mempool is asked; after so many moves the mempool's word waits for the next poll. */
const attemptsMax = 3
/** A poll waits this long for an import; a longer one goes on beside it. */
const importWaitMs = 2_000
const backoff = { base_ms: 250, cap_ms: 5_000 }

const noSuchBlock = -5
const noSuchWallet = -18

const readWalletListing = answerReader("listsinceblock", WalletListing)
const readMempoolInfo = answerReader("getmempoolinfo", MempoolInfo)

/** A block that a listing began after; its height is what it was when bitcoind named it. */
interface Cursor {
  readonly hash: string
  readonly height: number
}

interface Listed {
  readonly listing: WalletListing
  /** The listing shows what came after this height; null when it shows everything. */
  readonly from_height: number | null
}

interface Asked extends Listed {
  readonly words: ReadonlyMap<string, MempoolWord>
  /** Why the mempool's word is not to be relied on yet. */
  readonly reasons: ReadonlyArray<string>
}

/** Sees deposits through a watch-only wallet of bitcoind: one listing a poll, however many addresses there are. */
export const bitcoindObserver = (options: BitcoindObserverOptions): ChainObserver => {
  const { rpc, now } = options
  const wallet = watchWallet(rpc, options.wallet)
  const mempool = mempoolWatch(rpc)
  const tip = tipWatch(rpc, options)
  const recordedTip = recordedTipGuard()
  let opened = false
  let scanning = false
  let cursors: Cursor[] = []
  let wanted: ReadonlyArray<WatchedAddress> = []
  /** Those of `wanted` that are to be imported; null when that is to be found out again. */
  let missing: ReadonlyArray<WatchedAddress> | null = null
  const refused = new Map<string, string>()
  let importing: Promise<void> | null = null
  let failures = 0
  let nextTry_ms = 0
  let health: ObserverHealth = { state: "down", tip_height: null, tip_at: null }
  let lastPoll: string | null = null
  let lastSuccess: string | null = null
  let lastError: string | null = "not asked yet"

  const open = async (): Promise<void> => {
    tip.reconnected()
    await tip.look() // refuses a node on another chain before a wallet is made there
    await wallet.open()
    scanning = await wallet.isScanning()
    cursors = []
    missing = null
    mempool.forget()
    refused.clear()
    opened = true
  }

  const findMissing = (): ReadonlyArray<WatchedAddress> => {
    missing ??= wanted.filter(({ address }) => !wallet.watches(address) && !refused.has(address))
    return missing
  }

  /** Begins to import what is missing; gives why the listing does not cover all addresses yet, or null. */
  const importMissing = async (): Promise<string | null> => {
    if (importing === null && findMissing().length > 0) {
      importing = wallet
        .watch(findMissing())
        .then((refusals) => {
          for (const [address, why] of refusals) refused.set(address, why)
        })
        .finally(() => {
          // What the addresses received before is not in a listing that begins at a cursor.
          cursors = []
          missing = null
          importing = null
        })
      // A failure shows where it is awaited. bitcoind may go on without us: what it imported is to be asked again.
      importing.catch(() => {
        opened = false
      })
    }
    if (importing !== null) await Promise.race([importing, sleep(importWaitMs, undefined, { ref: false })])
    // Addresses that came during an import are the next import's.
    const left = findMissing().length
    return left === 0 && importing === null ? null : `the wallet is reading old blocks for ${left} addresses`
  }

  /** What came in the last `back` blocks up to the tip, or more. */
  const list = async (back: number, tip_height: number): Promise<Listed> => {
    const since = async (cursor: string) =>
      readWalletListing(await rpc.call("listsinceblock", [cursor, back, true, true]))
    for (const cursor of [...cursors]) {
      // Made when fewer blocks were asked for, as before a coinbase was seen, it would leave out what matters now.
      if (cursor.height > tip_height + 1 - back) continue
      try {
        return { listing: await since(cursor.hash), from_height: cursor.height }
      } catch (error) {
        if (!(error instanceof BitcoindError) || error.code !== noSuchBlock) throw error
        cursors = cursors.filter((other) => other !== cursor)
      }
    }
    return { listing: await since(""), from_height: null }
  }

  /** What the mempool says about the unmined; null when a block came in between and nothing can be concluded. */
  const askMempool = async (first: Listed, report: TipReport, back: number): Promise<Asked | null> => {
    const present = await mempool.ask(unminedTransactions(first.listing))
    const words = new Map<string, MempoolWord>(
      Array.from(present, ([txid, in_mempool]) => [txid, { in_mempool }]),
    )
    const missing = [...present].filter(([, there]) => !there).map(([txid]) => txid)
    if (missing.length === 0) return { ...first, words, reasons: [] }
    const { loaded } = readMempoolInfo(await rpc.call("getmempoolinfo"))
    // The listing is older than the mempool's answer: what replaced a transaction shows only in a newer one.
    const newer = await list(back, report.health.tip_height ?? 0)
    const successors = await mempool.successors(newer.listing, missing)
    if ((await tip.bestBlock()) !== report.tip_hash) return null
    for (const txid of missing) {
      const successor_tx_hash = successors.get(txid)
      words.set(txid, {
        in_mempool: false,
        ...(successor_tx_hash === undefined ? {} : { successor_tx_hash }),
      })
    }
    return { ...newer, words, reasons: loaded ? [] : ["the node is still loading its mempool"] }
  }

  const look = async (plan: WatchPlan): Promise<ChainSighting> => {
    if (!opened) await open()
    if (scanning) {
      scanning = await wallet.isScanning()
      if (!scanning) cursors = []
    }
    const unread = await importMissing()
    const back = plan.confirmations + reorgMargin
    for (let attempt = 1; ; attempt++) {
      const report = await tip.look()
      const first = await list(back, report.health.tip_height ?? 0)
      const asked = await askMempool(first, report, back)
      if (asked === null && attempt < attemptsMax) continue
      const { listing, from_height, words, reasons } = asked ?? { ...first, words: new Map(), reasons: [] }
      const expected = plan.expected.filter(
        ({ block_height }) => block_height === undefined || block_height > (from_height ?? -1) + 1,
      )
      const conflicted = await findConflicted(rpc, listing, expected)
      const late = recordedTip.behind(report.health.tip_height ?? 0, plan.recorded_tip_height)
      const behind = [
        ...report.reasons,
        ...(late === null ? [] : [late]),
        ...reasons,
        ...(unread === null ? [] : [unread]),
        ...(scanning ? ["the wallet is reading old blocks"] : []),
      ]
      const { outputs, gone } = readListing(listing, words)
      const covered = unread === null && !scanning
      if (covered) remember(listing.lastblock, (report.health.tip_height ?? 0) + 1 - back)
      health = { ...report.health, state: behind.length === 0 ? "ok" : "lagging" }
      if (behind.length === 0) recordedTip.wasOk()
      lastError = behind.length === 0 ? null : behind.join("; ")
      const complete = from_height === null && covered && asked !== null && refused.size === 0
      return { source: "bitcoind", health, outputs, gone: [...conflicted, ...gone], complete }
    }
  }

  /** The next listing begins at this block, and at an older one should bitcoind not know it any more. */
  const remember = (hash: string, height: number): void => {
    cursors = [{ hash, height }, ...cursors.filter((other) => other.hash !== hash)].slice(0, cursorsMax)
  }

  const nothing = (): ChainSighting => ({
    source: "bitcoind",
    health,
    outputs: [],
    gone: [],
    complete: false,
  })

  return {
    watch: (addresses) => {
      if (addresses === wanted) return
      wanted = addresses
      missing = null
    },
    poll: async (plan) => {
      if (now() < nextTry_ms) return nothing()
      lastPoll = timestamp(now())
      try {
        const sighting = await look(plan)
        failures = 0
        lastSuccess = timestamp(now())
        return sighting
      } catch (error) {
        failures++
        nextTry_ms = now() + backoffDelayMs(failures, backoff, options.random)
        // Whatever went wrong, the next attempt begins with the chain and the wallet.
        opened =
          opened &&
          error instanceof BitcoindError &&
          error.failure === "refused" &&
          error.code !== noSuchWallet
        health = { ...health, state: "down" }
        lastError = error instanceof Error ? error.message : String(error)
        return nothing()
      }
    },
    status: () => ({
      health,
      last_poll_at: lastPoll,
      last_success_at: lastSuccess,
      last_error: lastError,
      refused_handles: Object.fromEntries(refused),
    }),
  }
}
