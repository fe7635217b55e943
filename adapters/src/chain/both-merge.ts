import type { ObserverHealth } from "@landfall/domain/topics/funding-observation"
import type { ChainSighting, GoneOutput, SeenOutput } from "@landfall/evaluators/funding/facts"
import type { WatchPlan } from "@landfall/evaluators/funding/watch-plan"

/** What one observer says about one output; nothing at all when it is silent about it. */
type Word =
  | { readonly kind: "alive"; readonly output: SeenOutput; readonly by: ChainSighting }
  | { readonly kind: "absent"; readonly output: SeenOutput | null; readonly gone: GoneOutput | null }

/** The block in which an output was last said to be. `hash` is null when only the height is known. */
interface LastBlock {
  readonly hash: string | null
  readonly height: number | null
}

export interface MergeInput {
  readonly first: ChainSighting
  readonly second: ChainSighting
  readonly plan: WatchPlan
  /** The block that the merged sightings named last, by output. */
  readonly named: ReadonlyMap<string, string>
}

export interface Merged {
  readonly sighting: ChainSighting
  readonly named: ReadonlyMap<string, string>
  /** Why the two together are not `ok`, beside what each says of itself. */
  readonly reason: string | null
}

/** Servers hear of a block within seconds; more than this apart, one of them is behind. */
const tipsApartMax = 2

const keyOf = (of: { readonly tx_hash: string; readonly output_index: number }): string =>
  `${of.tx_hash}:${of.output_index}`

const isAbsent = (output: SeenOutput): boolean => output.conflicted === true || output.in_mempool === false

/** What a sighting says about each output. Only one that is `ok` can say that something is not there. */
const wordsOf = (sighting: ChainSighting): ReadonlyMap<string, Word> => {
  const words = new Map<string, Word>()
  const { state } = sighting.health
  if (state !== "ok" && state !== "lagging") return words
  if (state === "ok")
    for (const gone of sighting.gone) words.set(keyOf(gone), { kind: "absent", output: null, gone })
  for (const output of sighting.outputs) {
    if (!isAbsent(output)) words.set(keyOf(output), { kind: "alive", output, by: sighting })
    else if (state === "ok") words.set(keyOf(output), { kind: "absent", output, gone: null })
  }
  return words
}

const healthOf = (
  first: ObserverHealth,
  second: ObserverHealth,
): { readonly health: ObserverHealth; readonly reason: string | null } => {
  const [higher, lower] =
    (first.tip_height ?? -1) >= (second.tip_height ?? -1) ? [first, second] : [second, first]
  const apart = (higher.tip_height ?? 0) - (lower.tip_height ?? 0)
  const states = [first.state, second.state]
  const areOk = states.every((state) => state === "ok")
  const reason =
    areOk && apart > tipsApartMax ? `the tips of the two observers are ${apart} blocks apart` : null
  const isAway = (state: ObserverHealth["state"]): boolean => state === "down" || state === "paused"
  const state = states.every(isAway) ? "down" : areOk && reason === null ? "ok" : "lagging"
  const [speaking] = [higher, lower].filter((health) => !isAway(health.state))
  return { health: { ...(speaking ?? higher), state }, reason }
}

const isIn = (output: SeenOutput, block: LastBlock): boolean =>
  output.confirmations > 0 &&
  (block.hash === null ? output.block_height === block.height : output.block_hash === block.hash)

/** Mined before in the mempool before merely listed; of equals the one with more confirmations. */
const strength = ({ confirmations, in_mempool }: SeenOutput): number =>
  confirmations > 0 ? 1 + confirmations : in_mempool === true ? 1 : 0

/**
 * The output as the two together show it, or null when nothing can be said. An output that is recorded in a block is
 * there for as long as one of them says so; that it left its block both must say, each in its own words.
 */
const aliveOutput = (
  words: ReadonlyArray<Word>,
  block: LastBlock | null,
  bothOk: boolean,
): SeenOutput | null => {
  const alive = words.flatMap((word) =>
    word.kind === "alive" ? [{ ...word.output, source: word.output.source ?? word.by.source }] : [],
  )
  const ordered = alive.toSorted((one, other) => strength(other) - strength(one))
  if (block === null) return ordered[0] ?? null
  const kept = ordered.find((output) => isIn(output, block))
  if (kept !== undefined) return kept
  return bothOk && words.length === 2 ? (ordered[0] ?? null) : null
}

/** An output that neither has; a mined rival that one of them names is the better reason. */
const absentWord = (words: ReadonlyArray<Word>): { output: SeenOutput | null; gone: GoneOutput } | null => {
  const told = words.flatMap((word) => (word.kind === "absent" ? [word.output ?? word.gone] : []))
  const [any] = told.flatMap((one) => one ?? [])
  if (any === undefined) return null
  const conflicted = told.some((one) => one?.conflicted === true)
  const byRank = told.toSorted(
    (one, other) => Number(other?.conflicted === true) - Number(one?.conflicted === true),
  )
  const successor_tx_hash = byRank.flatMap((one) => one?.successor_tx_hash ?? [])[0]
  const why = {
    ...(conflicted ? { conflicted } : {}),
    ...(successor_tx_hash === undefined ? {} : { successor_tx_hash }),
  }
  const { tx_hash, output_index } = any
  const [listed] = words.flatMap((word) =>
    word.kind === "absent" && word.output !== null ? [word.output] : [],
  )
  return {
    output: listed === undefined ? null : { ...listed, ...why },
    gone: { tx_hash, output_index, ...why },
  }
}

/**
 * One sighting from two of the same chain. What one of them sees is there; that something is gone, or has left its
 * block, is said only when both are `ok` and both say it.
 */
export const mergeSightings = ({ first, second, plan, named }: MergeInput): Merged => {
  const { health, reason } = healthOf(first.health, second.health)
  const bothOk = health.state === "ok"
  const sides = [first, second].map((sighting) => ({ sighting, words: wordsOf(sighting) }))
  const expected = new Map(plan.expected.map((output) => [keyOf(output), output]))
  const outputs: SeenOutput[] = []
  const gone: GoneOutput[] = []
  const blocks = new Map<string, string>()
  for (const key of new Set(sides.flatMap(({ words }) => [...words.keys()]))) {
    const words = sides.flatMap(({ sighting, words: said }): ReadonlyArray<Word> => {
      const word = said.get(key)
      if (word !== undefined) return [word]
      const lacks = sighting.complete && sighting.health.state === "ok"
      return lacks ? [{ kind: "absent", output: null, gone: null }] : []
    })
    // What was recorded is the word; a block that was named since may not have been published.
    const { block_hash, block_height } = expected.get(key) ?? {}
    const hash = block_hash ?? named.get(key) ?? null
    const height = block_height ?? null
    const block = hash === null && height === null ? null : { hash, height }
    const output = aliveOutput(words, block, bothOk)
    const isAlive = words.some(({ kind }) => kind === "alive")
    const absent = !isAlive && bothOk && words.length === 2 ? absentWord(words) : null
    if (output !== null) outputs.push(output)
    else if (absent?.output != null) outputs.push(absent.output)
    else if (absent !== null) gone.push(absent.gone)
    // It stays in its block until both have said that it left.
    const kept = output === null ? (absent === null ? hash : null) : (output.block_hash ?? null)
    if (kept !== null) blocks.set(key, kept)
  }
  for (const [key, hash] of named) if (!blocks.has(key) && isStillNamed(key)) blocks.set(key, hash)
  return {
    sighting: {
      source: bothOk || first.health.state === "ok" ? first.source : second.source,
      health,
      outputs,
      gone,
      // Where both are complete, both have a word on each output, so that none was left out above.
      complete: bothOk && first.complete && second.complete,
    },
    named: blocks,
    reason,
  }

  /** Nobody spoke of it this time, and it is still looked for. */
  function isStillNamed(key: string): boolean {
    return expected.has(key) && !sides.some(({ words }) => words.has(key))
  }
}
