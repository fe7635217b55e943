/** What a figure counts: a rate, a time, an amount of memory, a factor, or a plain number. */
export type Unit =
  | "events/s"
  | "s"
  | "ms"
  | "µs"
  | "MB"
  | "bytes"
  | "×"
  | "moves"
  | "files"
  | "messages"
  | "subjects"
  | "ticks"

/** One thing that was measured, once a run. */
export interface Figure {
  readonly name: string
  readonly unit: Unit
  /** One value a run, in the order of the runs. */
  readonly runs: ReadonlyArray<number>
}

/** What a result is to reach: at least, or at most so much. */
export type Target = { readonly least: number } | { readonly most: number }

/** A result that is held against a target, or only told (`target` null). */
export interface Result {
  readonly name: string
  readonly unit: Unit
  readonly runs: ReadonlyArray<number>
  readonly target: Target | null
}

/** A result that could not be had, with why: a peer that is not there. */
export interface Missing {
  readonly name: string
  readonly missing: string
}

/** What one benchmark found. */
export interface Section {
  /** The word that repeats it: `npm run bench -- <name>`. */
  readonly name: string
  readonly title: string
  /** What was done, with which sizes, and what begins and ends the clock. */
  readonly how: string
  readonly figures: ReadonlyArray<Figure>
  readonly results: ReadonlyArray<Result | Missing>
  /** What a reader must know to judge the numbers. */
  readonly remarks: ReadonlyArray<string>
}

/** Whether a value is what was to be reached. */
export const reaches = (value: number, target: Target): boolean =>
  "least" in target ? value >= target.least : value <= target.most
