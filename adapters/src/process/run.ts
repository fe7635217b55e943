import { setImmediate as turnOfTheLoop } from "node:timers/promises"
import { SettingsError } from "../config/settings.ts"
import { callsUnderWay } from "../kafka/configuration.ts"
import type { Logger } from "../log/log.ts"
import { leave } from "./leave.ts"
import { watchEventLoop } from "./watchdog.ts"

/** A service that runs: when it is over, and how to end it. */
export interface RunningService {
  /** Resolves after `stop`, when nothing is under way any more; rejects when the service cannot go on. */
  readonly done: Promise<void>
  /** May resolve before `done` when it has waited long enough. */
  readonly stop: () => Promise<void>
}

export interface RunLimits {
  /** Far beyond any pause of garbage collection, and Kafka has given the partitions to another instance by then. */
  readonly stall_ms_max: number
  /** How often the watching thread looks. */
  readonly look_ms: number
  /** How long a service may take to end in order before it is ended anyway. */
  readonly drain_ms_max: number
  /** The bound of an end, whatever happens: by then the process is killed. */
  readonly end_ms_max: number
}

const limits: RunLimits = { stall_ms_max: 30_000, look_ms: 1_000, drain_ms_max: 18_000, end_ms_max: 20_000 }

/** The part of the log that says why an end was not in order. */
const leftOver = () => ({ kafka_calls_under_way: callsUnderWay() })

const settled = (done: Promise<void>): Promise<boolean> => {
  const yes = () => true
  return Promise.race([done.then(yes, yes), turnOfTheLoop(false)])
}

/**
 * Runs a service as this process: ends it in order on SIGTERM and SIGINT (exit code 0), however often it is told, at once
 * on a second SIGINT, and with exit code 1 and one clear message when it cannot start, go on, or end in order. What it leaves half done in
 * Kafka its successor aborts, who takes the transactional id. A process whose event loop stands still is killed.
 */
export const runService = async (
  open: () => Promise<{ readonly log: Logger; readonly service: RunningService }>,
  { drain_ms_max, end_ms_max, ...loop }: RunLimits = limits,
): Promise<void> => {
  const watchdog = watchEventLoop(loop)
  let opened: Awaited<ReturnType<typeof open>>
  try {
    opened = await open()
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
    if (!(error instanceof SettingsError) && error instanceof Error && error.cause !== undefined)
      process.stderr.write(
        `because: ${error.cause instanceof Error ? error.cause.message : String(error.cause)}\n`,
      )
    return leave(1)
  }
  const { log, service } = opened
  let ending = false
  const end = (signal: string): void => {
    // Who asks a second time from a keyboard will not wait; an orchestrator repeats itself, and has SIGKILL.
    if (ending && signal === "SIGINT") leave(1)
    if (ending) return
    ending = true
    log.info({ signal }, "ending")
    watchdog.endWithin(end_ms_max)
    setTimeout(() => {
      log.error(leftOver(), `not ended within ${drain_ms_max} ms; ending anyway`)
      leave(1)
    }, drain_ms_max).unref()
    service.stop().then(
      async () => {
        if (await settled(service.done)) leave(0)
        log.error(
          leftOver(),
          "not ended in order: something is under way that was waited for long enough; ending anyway",
        )
        leave(1)
      },
      (error) => {
        log.error({ err: error }, "ending failed")
        leave(1)
      },
    )
  }
  process.on("SIGTERM", end)
  process.on("SIGINT", end)
  try {
    await service.done
  } catch (error) {
    log.fatal({ err: error }, error instanceof Error ? error.message : String(error))
    leave(1)
  }
}
