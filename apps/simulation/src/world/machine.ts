import { type SteadyClock, steadyClock } from "@landfall/adapters/process/steady-clock"
import type { VirtualTime } from "./virtual-time.ts"

/** A time server sets a clock right at once that is wrong by less than a second. */
const seenRight_ms_max = 900

/** The machine that a service runs on: its clock can be set wrong and right again, and goes a little too fast or too slow. */
export class Machine {
  readonly name: string
  private readonly time: VirtualTime
  private readonly steady: boolean
  private readonly started_ms: number
  /** How much faster than time it goes: 0.001 is a millisecond a second. */
  private readonly drift: number
  private ahead_ms = 0

  /** `steady` off, services go by the clock that can be set: a mutation that the invariants must find. */
  constructor(name: string, time: VirtualTime, drift: number, steady = true) {
    this.name = name
    this.time = time
    this.drift = drift
    this.steady = steady
    this.started_ms = time.now()
  }

  /** Milliseconds since it was started, which nobody can set. */
  readonly elapsed = (): number => (this.time.now() - this.started_ms) * (1 + this.drift)

  /** What its clock says. */
  readonly wall = (): number => this.started_ms + this.elapsed() + this.ahead_ms

  /** Sets the clock ahead, or back by a negative number. */
  move(by_ms: number): void {
    this.ahead_ms += by_ms
  }

  /** Sets the clock right, to about a time server's word. */
  setRight(): void {
    this.ahead_ms -= this.wall() - this.time.now()
  }

  /** Whether it is wrong by more than a time server sees to. */
  isWrong(): boolean {
    return Math.abs(this.wall() - this.time.now()) > seenRight_ms_max
  }

  /** The clock of a service that is started on it, as `serviceShell` makes it. */
  clock(): SteadyClock {
    return this.steady
      ? steadyClock({ wall: this.wall, elapsed: this.elapsed })
      : { now: () => Math.floor(this.wall()), skewMs: () => 0 }
  }
}
