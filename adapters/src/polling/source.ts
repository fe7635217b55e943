/** How another system stands: it answered, its last attempt failed, or its last answer is old. */
export type SourceState = "ok" | "down" | "stale"

/** How a source stands, and since when; for people and for `/state`. */
export interface SourceHealth {
  readonly state: SourceState
  /** When the newest good answer was asked for, in milliseconds since the epoch. */
  readonly last_success_ms: number | null
  readonly age_ms: number | null
  readonly last_error: string | null
  readonly last_error_ms: number | null
  /** Attempts that failed since the last good one. */
  readonly failures: number
}

/** Another system that is asked again and again: its last good answer stays known when it is away. */
export interface Source<Answer> {
  readonly name: string
  /** Asks, and remembers the answer or the error. Rejects with the error; an attempt that was given up says nothing. */
  readonly ask: (work: () => Promise<Answer>, signal?: AbortSignal) => Promise<Answer>
  readonly last: () => Answer | null
  readonly health: () => SourceHealth
}

export interface SourceOptions {
  readonly name: string
  readonly now: () => number
  /** An answer older than this is not called `ok` any more. */
  readonly fresh_ms_max: number
  /** Whether an error means that the source answers with old news. */
  readonly isStale?: (error: unknown) => boolean
}

/** A source that was not asked yet. */
export const createSource = <Answer>(options: SourceOptions): Source<Answer> => {
  const { now } = options
  let last: { readonly answer: Answer; readonly at_ms: number } | null = null
  let error: { readonly thrown: unknown; readonly at_ms: number } | null = null
  let failures = 0
  const stateNow = (age_ms: number | null): SourceState => {
    if (failures > 0 && error !== null) return options.isStale?.(error.thrown) ? "stale" : "down"
    return age_ms === null || age_ms > options.fresh_ms_max ? "stale" : "ok"
  }
  return {
    name: options.name,
    ask: async (work, signal) => {
      // What an answer says was true when it was asked for, not when it arrived.
      const at_ms = now()
      try {
        const answer = await work()
        last = { answer, at_ms }
        failures = 0
        return answer
      } catch (thrown) {
        if (signal?.aborted !== true) {
          error = { thrown, at_ms: now() }
          failures += 1
        }
        throw thrown
      }
    },
    last: () => last?.answer ?? null,
    health: () => {
      const age_ms = last === null ? null : Math.max(0, now() - last.at_ms)
      return {
        state: stateNow(age_ms),
        last_success_ms: last?.at_ms ?? null,
        age_ms,
        last_error: error === null ? null : messageOf(error.thrown),
        last_error_ms: error?.at_ms ?? null,
        failures,
      }
    },
  }
}

/** The words of anything that was thrown. */
export const messageOf = (thrown: unknown): string =>
  thrown instanceof Error ? thrown.message : String(thrown)

/** A source's health as it is shown: times as text, ages in seconds. */
export const shownHealth = (health: SourceHealth) => ({
  state: health.state,
  last_success_at: health.last_success_ms === null ? null : new Date(health.last_success_ms).toISOString(),
  age_seconds: health.age_ms === null ? null : health.age_ms / 1000,
  last_error: health.last_error,
  last_error_at: health.last_error_ms === null ? null : new Date(health.last_error_ms).toISOString(),
  failures: health.failures,
})
