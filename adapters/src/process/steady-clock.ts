/** A clock for deadlines: what it says never goes back, and leaps only as far as a clock may that is set right. */
export interface SteadyClock {
  /** Epoch milliseconds. */
  readonly now: () => number
  /** How far the machine's clock is ahead of this one, in milliseconds; 0 unless it was moved. */
  readonly skewMs: () => number
}

export interface SteadyClockOptions {
  /** The machine's clock, in epoch milliseconds. */
  readonly wall: () => number
  /** Milliseconds that have passed since any instant, which nobody can set; the time of a suspended machine counts. */
  readonly elapsed: () => number
  /** Told when the machine's clock was moved, by how many milliseconds, and when it is followed again. */
  readonly onMoved?: (moved_ms: number) => void
  readonly onFollowed?: () => void
}

/** What time servers correct at once, and what two looks at two clocks differ by. */
const followed_ms_max = 1_000
/** How much faster or slower than time it goes until it has caught up. Whoever wants it sooner starts the service again. */
const slew = 0.01

/**
 * A clock that follows the machine's exactly until somebody moves that by more than a second, and then follows it at a hundredth
 * of the speed of time. So a machine whose clock is set wrong, or right again, raises nothing that is not due, holds nothing back
 * for an hour and declares nothing absent that was only just missed.
 */
export const steadyClock = ({ wall, elapsed, onMoved, onFollowed }: SteadyClockOptions): SteadyClock => {
  let at_ms = wall()
  let passed_ms = elapsed()
  let seen_ms = at_ms
  let following = true
  const look = (): void => {
    const machine_ms = wall()
    const now_ms = elapsed()
    const since_ms = now_ms - passed_ms
    passed_ms = now_ms
    const moved_ms = machine_ms - (seen_ms + since_ms)
    seen_ms = machine_ms
    if (Math.abs(moved_ms) > followed_ms_max) onMoved?.(moved_ms)
    const ahead_ms = machine_ms - (at_ms + since_ms)
    if (Math.abs(ahead_ms) <= followed_ms_max) {
      at_ms = Math.max(at_ms, machine_ms)
      if (!following) onFollowed?.()
      following = true
    } else {
      following = false
      at_ms += since_ms + Math.sign(ahead_ms) * Math.min(Math.abs(ahead_ms), since_ms * slew)
    }
  }
  return {
    now: () => {
      look()
      return Math.floor(at_ms)
    },
    skewMs: () => {
      look()
      return following ? 0 : Math.round(seen_ms - at_ms)
    },
  }
}
