import { layerProblems } from "./layers.ts"
import { purityProblems } from "./purity.ts"
import {
  incomingProblems,
  inventoryProblems,
  outgoingProblems,
  transactionProblems,
  watchOnlyProblems,
} from "./safety.ts"
import { tidinessProblems } from "./tidiness.ts"

/** The checks that need one file alone. */
const checks = [
  layerProblems,
  purityProblems,
  transactionProblems,
  watchOnlyProblems,
  outgoingProblems,
  incomingProblems,
  inventoryProblems,
  tidinessProblems,
]

/** Everything that is wrong with a file, by its path from the root and its text. */
export const checkFile = (path: string, text: string): ReadonlyArray<string> =>
  checks.flatMap((check) => check(path, text).map((problem) => `${path}: ${problem}`))
