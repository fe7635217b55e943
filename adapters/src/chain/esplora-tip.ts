import { timestamp } from "@landfall/domain/timestamp"
import type { ObserverHealth } from "@landfall/domain/topics/funding-observation"
import type { EsploraApi } from "./esplora-api.ts"
import { type EsploraBlock, EsploraError } from "./esplora-wire.ts"
import { genesisBlocks } from "./known-chains.ts"
import type { TipWatchOptions } from "./tip-watch.ts"

/** The end of the chain, as one answer shows it. */
export interface ChainEnd {
  readonly health: ObserverHealth
  readonly tip: EsploraBlock
  /** The newest blocks' hashes, by height. */
  readonly recent: ReadonlyMap<number, string>
  /** Why the server is `lagging`; empty when it is `ok`. */
  readonly reasons: ReadonlyArray<string>
  /** False when its chain is no longer than the one it had before, and another. Then it shows nothing to rely on. */
  readonly believed: boolean
  /** Whether blocks that it had before are in the chain no more. */
  readonly reorganised: boolean
}

/** Judges whether one Esplora server is in sync. */
export interface EsploraTip {
  readonly look: () => Promise<ChainEnd>
  /** What it showed is taken for known; called when everything that follows from it was done. */
  readonly accept: (end: ChainEnd) => void
  /** Connected anew: the chain is to be checked again. The last tip is remembered. */
  readonly reconnected: () => void
}

/** Watches the tip of a server that must be on the given chain. */
export const esploraTip = (api: EsploraApi, options: TipWatchOptions): EsploraTip => {
  let checked = false
  let known: EsploraBlock | null = null

  const requireChain = async (): Promise<void> => {
    const genesis = (await api.blocks(0))[0]
    if (genesis.height !== 0 || genesis.hash !== genesisBlocks[options.network])
      throw new EsploraError(
        `esplora at ${api.shown} is on a chain whose first block is ${genesis.hash}, not on ${options.network}; nothing was read from it. Set BITCOIN_OBSERVER_URL or BITCOIN_NETWORK right.`,
      )
    checked = true
  }

  /** Blocks came on top of the known one, or it left the chain. */
  const leftItsChain = async (tip: EsploraBlock, recent: ReadonlyMap<number, string>): Promise<boolean> => {
    if (known === null || known.hash === tip.hash) return false
    const there = recent.get(known.height)
    return there === undefined ? !(await api.isInBestChain(known.hash)) : there !== known.hash
  }

  return {
    look: async () => {
      if (!checked) await requireChain()
      const [tip, ...older] = await api.blocks()
      const recent = new Map([tip, ...older].map(({ height, hash }) => [height, hash]))
      // Servers stand behind load balancers, and one that is behind calls every block that it lacks orphaned. So a
      // chain counts as the better one only when it is longer, which is what nodes themselves go by.
      const believed = known === null || known.hash === tip.hash || tip.height > known.height
      const age_ms = options.now() - tip.time_ms
      const stale = options.tip_age_ms_max !== null && age_ms > options.tip_age_ms_max
      const reasons = [
        ...(believed || known === null
          ? []
          : [
              `its tip is ${tip.hash} at ${tip.height}; before, it was ${known.hash} at ${known.height}, and a better chain is longer`,
            ]),
        ...(stale ? [`the newest block is ${Math.round(age_ms / 60_000)} minutes old`] : []),
      ]
      return {
        health: {
          state: reasons.length === 0 ? "ok" : "lagging",
          tip_height: tip.height,
          tip_at: timestamp(tip.time_ms),
        },
        tip,
        recent,
        reasons,
        believed,
        reorganised: believed && (await leftItsChain(tip, recent)),
      }
    },
    accept: ({ tip }) => {
      known = tip
    },
    reconnected: () => {
      checked = false
    },
  }
}
