import type { Liveness } from "./liveness.ts"
import type { Fault, FaultKind } from "./plan.ts"
import type { OwnEnd } from "./supervised.ts"

/** A fault as it went. */
export interface Injected {
  readonly at_ms: number
  readonly fault: Fault
  readonly took_ms: number
  /** Why it could not be made, because another part was away; null when it was. */
  readonly failed: string | null
}

/** Something that must hold, how it was held against what happened, and what did not. */
export interface Held {
  readonly what: string
  readonly seen: string
  readonly broken: ReadonlyArray<string>
}

/** What a run did and found. */
export interface Outcome {
  readonly seed: number
  readonly minutes: number
  readonly rate: number
  readonly injected: ReadonlyArray<Injected>
  readonly events: number
  readonly chaos_ms: number
  readonly deposits: { readonly bitcoin: number; readonly gnosis: number; readonly replaced: number }
  readonly liveness: ReadonlyArray<Liveness>
  readonly held: ReadonlyArray<Held>
  readonly ownEnds: ReadonlyArray<OwnEnd>
  readonly remarks: ReadonlyArray<string>
}

/** Everything that did not hold. */
export const brokenOf = ({ held, liveness }: Outcome): ReadonlyArray<string> => [
  ...held.flatMap(({ what, broken }) => broken.map((how) => `${what}: ${how}`)),
  ...liveness
    .filter(({ after_ms }) => after_ms === null)
    .map(({ what, missing }) => `${what}, within a minute of the healing: ${missing}`),
]

/** How often each kind of fault was made, and could not be. */
export const countsOf = (injected: ReadonlyArray<Injected>) => {
  const counts = new Map<FaultKind, { made: number; failed: number }>()
  for (const { fault, failed } of injected) {
    const count = counts.get(fault.kind) ?? { made: 0, failed: 0 }
    if (failed === null) count.made++
    else count.failed++
    counts.set(fault.kind, count)
  }
  return [...counts].sort(([left], [right]) => (left < right ? -1 : 1))
}
