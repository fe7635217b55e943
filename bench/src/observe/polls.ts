import type { ChainObserver } from "@landfall/adapters/chain/observer"
import type { WatchedAddress } from "@landfall/adapters/chain/watch-wallet"
import type { ExpectedOutput } from "@landfall/evaluators/funding/watch-plan"
import { median } from "../report/statistics.ts"

/** How many addresses the smaller of two observers watches. */
export const fewHandles = 100

/** What a poll took, in milliseconds: the median of a run's polls. */
export interface PollRun {
  readonly few_ms: number
  readonly many_ms: number
}

/** An observer that knows what it saw before, as the liquidity manager would tell it. */
export interface Looking {
  /** Polls and gives how long it took, in milliseconds, and how many outputs it saw. Throws unless all is well. */
  readonly look: () => Promise<{ readonly took_ms: number; readonly outputs: number }>
  /** Polls until the observer is in sync, history read. */
  readonly settle: () => Promise<void>
}

const confirmations = 6
const settle_ms_max = 240_000

export const looking = (observer: ChainObserver, addresses: ReadonlyArray<WatchedAddress>): Looking => {
  const expected = new Map<string, ExpectedOutput>()
  const poll = async () => {
    const plan = { confirmations, expected: [...expected.values()] }
    const began_ms = performance.now()
    observer.watch(addresses)
    const sighting = await observer.poll(plan)
    const took_ms = performance.now() - began_ms
    for (const { tx_hash, output_index, block_height } of sighting.outputs)
      expected.set(`${tx_hash}:${output_index}`, {
        tx_hash,
        output_index,
        ...(block_height === undefined ? {} : { block_height }),
      })
    return { sighting, took_ms }
  }
  return {
    look: async () => {
      const { sighting, took_ms } = await poll()
      if (sighting.health.state !== "ok")
        throw new Error(`the observer is ${sighting.health.state}: ${observer.status().last_error}`)
      return { took_ms, outputs: sighting.outputs.length }
    },
    settle: async () => {
      const deadline_ms = performance.now() + settle_ms_max
      for (;;) {
        const { sighting } = await poll()
        if (sighting.health.state === "ok") return
        if (performance.now() > deadline_ms)
          throw new Error(`not in sync after ${settle_ms_max} ms: ${observer.status().last_error}`)
      }
    },
  }
}

/**
 * Polls both, one after the other and taking turns in who is first, each time after something happened on the chain,
 * and checks that both saw the same.
 */
export const comparePolls = async (
  few: Looking,
  many: Looking,
  happen: () => Promise<void>,
  { runs, polls }: { readonly runs: number; readonly polls: number },
): Promise<ReadonlyArray<PollRun>> => {
  const measured: PollRun[] = []
  for (let run = 0; run < runs; run++) {
    const took = { few: [] as number[], many: [] as number[] }
    for (let at = 0; at < polls; at++) {
      await happen()
      const first = at % 2 === 0 ? await few.look() : await many.look()
      const second = at % 2 === 0 ? await many.look() : await few.look()
      if (first.outputs !== second.outputs)
        throw new Error(`one observer saw ${first.outputs} outputs and the other ${second.outputs}`)
      took.few.push((at % 2 === 0 ? first : second).took_ms)
      took.many.push((at % 2 === 0 ? second : first).took_ms)
    }
    measured.push({ few_ms: median(took.few), many_ms: median(took.many) })
  }
  return measured
}
