import type { Random } from "./random.ts"
import type { VirtualTime } from "./virtual-time.ts"

/** What can happen to a process at a named step, by its probability. */
export interface ProcessFaults {
  readonly crash: number
  readonly pause: number
}

const never = <Value>(): Promise<Value> => new Promise<Value>(() => {})

/**
 * One life of a service. What it asks of the world goes through named steps, at which it can be killed or stopped; a dead
 * one never gets an answer and never asks again.
 */
export class Process {
  readonly name: string
  alive = true
  private readonly time: VirtualTime
  private readonly random: Random
  private readonly faults: () => ProcessFaults
  private readonly onCrash: (process: Process, step: string) => void
  private stopped: Promise<void> | null = null
  private readonly atDeath: Array<() => void> = []
  /** Since when it stands still; null while it goes on. */
  stopped_since_ms: number | null = null

  constructor(
    name: string,
    time: VirtualTime,
    random: Random,
    faults: () => ProcessFaults,
    onCrash: (process: Process, step: string) => void,
  ) {
    this.name = name
    this.time = time
    this.random = random
    this.faults = faults
    this.onCrash = onCrash
  }

  /** Dies here, stops here for a while, or goes on. */
  async step(step: string): Promise<void> {
    if (!this.alive) return never()
    const { crash, pause } = this.faults()
    if (this.random.chance(crash)) {
      this.kill(step)
      return never()
    }
    // As SIGSTOP does: others go on, perhaps another instance of the same service.
    if (this.stopped === null && this.random.chance(pause)) {
      this.stopped_since_ms = this.time.now()
      this.stopped = this.time.sleep(this.random.int(100, 20_000)).then(() => {
        this.stopped = null
        this.stopped_since_ms = null
      })
    }
    if (this.stopped !== null) await this.stopped
    if (!this.alive) return never()
  }

  /** Takes that long, unless it dies in between. */
  async wait(length_ms: number): Promise<void> {
    await this.time.sleep(length_ms)
    await this.step("waiting")
  }

  /** What the world answers; nothing when it has died meanwhile. */
  async answer<Value>(value: Promise<Value>): Promise<Value> {
    try {
      return await value
    } finally {
      if (!this.alive || this.stopped !== null) await (this.alive ? this.stopped : never())
    }
  }

  /** What others notice when it dies: its connections break. */
  onDeath(run: () => void): void {
    this.atDeath.push(run)
  }

  kill(step: string): void {
    if (!this.alive) return
    this.alive = false
    for (const run of this.atDeath) run()
    this.onCrash(this, step)
  }
}
