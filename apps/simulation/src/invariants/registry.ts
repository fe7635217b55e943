import { alertReplay, alerts } from "./alerts.ts"
import { clocks } from "./clocks.ts"
import { convergence } from "./convergence.ts"
import { evidence } from "./evidence.ts"
import { honestNegatives } from "./honest-negatives.ts"
import type { EndedWorld, Invariant } from "./invariant.ts"
import { order } from "./order.ts"
import { rebuilt } from "./rebuilt.ts"
import { spendable } from "./spendable.ts"

const invariants: ReadonlyArray<Invariant> = [
  evidence,
  rebuilt,
  order,
  honestNegatives,
  spendable,
  alerts,
  alertReplay,
  clocks,
  convergence,
]

/** Everything that does not hold; a run that goes wrong goes wrong in many places, so the first of each is told. */
export const problemsOf = (world: EndedWorld): ReadonlyArray<string> =>
  invariants.flatMap((invariant) => Array.from(invariant(world)).slice(0, 5))
