import { SettingsError } from "../config/settings.ts"
import type { Logger } from "../log/log.ts"
import { watchEventLoop } from "./watchdog.ts"

/** A service that runs: when it is over, and how to end it. */
export interface RunningService {
  /** Resolves after `stop`; rejects when the service cannot go on. */
  readonly done: Promise<void>
  readonly stop: () => Promise<void>
}

/** How long a service may take to end in order before it is ended anyway. */
const drainMs = 20_000
/** Far beyond any pause of garbage collection, and Kafka has given the partitions to another instance by then. */
const loopLimits = { stall_ms_max: 30_000, look_ms: 1_000 }

/**
 * Runs a service as this process: ends it in order on SIGTERM and SIGINT (exit code 0), however often it is told, at once
 * on a second SIGINT, and with exit code 1 and one clear message when it cannot start or go on. A process whose event loop
 * stands still is killed.
 */
export const runService = async (
  open: () => Promise<{ readonly log: Logger; readonly service: RunningService }>,
  loop = loopLimits,
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
    process.exit(1)
  }
  const { log, service } = opened
  let ending = false
  const end = (signal: string): void => {
    // Who asks a second time from a keyboard will not wait; an orchestrator repeats itself, and has SIGKILL.
    if (ending && signal === "SIGINT") process.exit(1)
    if (ending) return
    ending = true
    log.info({ signal }, "ending")
    setTimeout(() => {
      log.error(`not ended within ${drainMs} ms; ending anyway`)
      process.exit(1)
    }, drainMs).unref()
    service.stop().then(
      () => process.exit(0),
      (error) => {
        log.error({ err: error }, "ending failed")
        process.exit(1)
      },
    )
  }
  process.on("SIGTERM", end)
  process.on("SIGINT", end)
  try {
    await service.done
  } catch (error) {
    log.fatal({ err: error }, error instanceof Error ? error.message : String(error))
    process.exit(1)
  }
  await watchdog.stop()
}
