import { simulate } from "./simulate.ts"

/** The seeds of one process: every `stride`-th from `first` up to `end`, without it. */
export interface Share {
  readonly first: number
  readonly end: number
  readonly stride: number
  readonly tells: boolean
}

process.once("message", async ({ first, end, stride, tells }: Share) => {
  for (let seed = first; seed < end; seed += stride) process.send?.(await simulate(seed, { tells }))
  process.disconnect()
})
