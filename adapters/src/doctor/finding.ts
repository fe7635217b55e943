/** What one check found. */
export interface Finding {
  /** What was looked at: `node`, `postgres`, `kafka`, `bitcoin`, `gnosis`, `bridge`. */
  readonly part: string
  readonly check: string
  /** `unknown`: it could not be looked at; that is no fault. */
  readonly state: "ok" | "wrong" | "unknown"
  readonly says: string
  /** What to do next; null where nothing is to be done. */
  readonly todo: string | null
}

/** Makes the findings of one part. */
export const findingsOf = (part: string) => ({
  ok: (check: string, says: string): Finding => ({ part, check, state: "ok", says, todo: null }),
  wrong: (check: string, says: string, todo: string): Finding => ({
    part,
    check,
    state: "wrong",
    says,
    todo,
  }),
  unknown: (check: string, says: string, todo: string | null = null): Finding => ({
    part,
    check,
    state: "unknown",
    says,
    todo,
  }),
})

/** The words of whatever was thrown. */
export const wordsOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
