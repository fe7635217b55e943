import { setTimeout as sleep } from "node:timers/promises"
import { leave as leaveAtOnce } from "@landfall/adapters/process/leave"
import type { Terminal } from "../terminal.ts"

/** Ends whatever was started, the last first. */
export interface Cleanup {
  readonly add: (stop: () => Promise<unknown>) => void
  readonly run: () => Promise<void>
}

/** Nothing to end so far. What fails to end keeps nothing else from it. */
export const openCleanup = (): Cleanup => {
  const stops: Array<() => Promise<unknown>> = []
  return {
    add: (stop) => stops.push(stop),
    run: async () => {
      for (const stop of stops.splice(0).reverse()) await stop().catch(() => {})
    },
  }
}

/** The broker, which takes longest to stop in order, is killed after 30 s. */
const within_ms_max = 60_000

export interface EndingOptions {
  readonly cleanup: Pick<Cleanup, "run">
  /** How long ending in order may take; a minute unless told. */
  readonly within_ms?: number
  /** Told when it begins, and when it was given up. */
  readonly onBegin: () => void
  readonly onGivenUp: () => void
  /** Ends the process, whatever its threads wait for. */
  readonly leave: (exitCode: number) => void
}

/** Ends a program in order. */
export interface Ending {
  readonly isUnderWay: () => boolean
  /** Ends everything in order, once, with the code that is given first. */
  readonly end: (exitCode: number) => Promise<void>
  /** Who says it a second time does not wait. */
  readonly told: (exitCode: number) => void
}

/**
 * An end that comes, whatever does not end: a part may wait for another that stands still, and what is left is on a leash and
 * ends with this process.
 */
export const openEnding = ({
  cleanup,
  within_ms = within_ms_max,
  onBegin,
  onGivenUp,
  leave,
}: EndingOptions): Ending => {
  let ending: Promise<void> | null = null
  const endInOrder = async (exitCode: number): Promise<void> => {
    onBegin()
    const ended = cleanup.run().then(() => true)
    const over = new AbortController()
    const late = sleep(within_ms, false, { signal: over.signal }).catch(() => false)
    if (!(await Promise.race([ended, late]))) onGivenUp()
    over.abort()
    leave(exitCode)
  }
  const end = (exitCode: number): Promise<void> => {
    ending ??= endInOrder(exitCode)
    return ending
  }
  return {
    isUnderWay: () => ending !== null,
    end,
    told: (exitCode) => {
      if (ending === null) void end(exitCode)
      else leave(exitCode)
    },
  }
}

/** The end of a program that tells a terminal of it, and what it ends. */
export const openProgram = (
  terminal: Pick<Terminal, "heading" | "line">,
): Ending & { readonly cleanup: Cleanup } => {
  const cleanup = openCleanup()
  const ending = openEnding({
    cleanup,
    onBegin: () => terminal.heading("Ending"),
    onGivenUp: () =>
      terminal.line("  not everything has ended in order; what is left ends with this process"),
    // `process.exit` would wait for calls to a broker that is being ended.
    leave: leaveAtOnce,
  })
  return { ...ending, cleanup }
}
