import { Process, type ProcessFaults } from "../world/process.ts"
import type { Random } from "../world/random.ts"
import type { VirtualTime } from "../world/virtual-time.ts"

export interface SupervisorOptions {
  readonly time: VirtualTime
  readonly random: Random
  readonly faults: () => ProcessFaults
  /** Told what happened to whom. */
  readonly onEvent: (event: string) => void
}

/** Starts services and starts them again when they die; a second instance of one is not started again. */
export class Supervisor {
  private readonly options: SupervisorOptions
  private readonly running = new Map<string, Process>()
  private lives = 0
  private readonly lifes = new Set<Process>()

  constructor(options: SupervisorOptions) {
    this.options = options
  }

  /** Keeps a service running from now on. */
  keep(name: string, run: (process: Process, random: Random) => Promise<unknown>): void {
    const { time, random } = this.options
    const again = (): void => {
      time.at(time.now() + random.int(200, 4_000), () => this.keep(name, run))
    }
    this.running.set(name, this.start(name, run, again))
  }

  /** Starts another instance beside the one that runs. */
  startSecond(name: string, run: (process: Process, random: Random) => Promise<unknown>): void {
    this.start(name, run, () => {})
  }

  /** Ends every instance of a service. */
  end(name: string): void {
    for (const process of this.lifes)
      if (process.name.startsWith(`${name}#`)) process.kill("ended by an operator")
  }

  private start(
    name: string,
    run: (process: Process, random: Random) => Promise<unknown>,
    onEnd: () => void,
  ): Process {
    const { time, random, faults, onEvent } = this.options
    const life = `${name}#${++this.lives}`
    const process = new Process(life, time, random.fork(), faults, (_, step) => {
      onEvent(`${life} killed: ${step}`)
      this.lifes.delete(process)
      onEnd()
    })
    this.lifes.add(process)
    onEvent(`${life} started`)
    run(process, random.fork()).then(
      () => process.kill("it ended"),
      (error: unknown) => process.kill(error instanceof Error ? error.message : String(error)),
    )
    return process
  }
}
