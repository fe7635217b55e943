import { setTimeout as sleep } from "node:timers/promises"

/** Waits so long, or until the signal: then it resolves at once. */
export const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  sleep(Math.max(0, ms), undefined, { signal }).catch(() => {})

/** Does the work again and again with a rest between, until the signal; what fails is told and tried again. */
export const repeatedly = async (
  rest_ms: number,
  signal: AbortSignal,
  work: () => Promise<void>,
  onError: (error: unknown) => void,
): Promise<void> => {
  while (!signal.aborted) {
    await work().catch(onError)
    await pause(rest_ms, signal)
  }
}

/** A door that lets one through at a time, in the order in which they came. */
export const oneAtATime = () => {
  let last: Promise<unknown> = Promise.resolve()
  return <Value>(work: () => Promise<Value>): Promise<Value> => {
    const mine = last.then(work, work)
    last = mine.catch(() => {})
    return mine
  }
}
export type OneAtATime = ReturnType<typeof oneAtATime>

/** Doors by name: work that needs several has them all at once, each in the order in which they were asked for. */
export const turnsByName = () => {
  const last = new Map<string, Promise<unknown>>()
  return {
    of: <Value>(names: ReadonlyArray<string>, work: () => Promise<Value>): Promise<Value> => {
      const mine = Promise.all(names.map((name) => last.get(name))).then(work)
      const over = mine.catch(() => {})
      for (const name of names) last.set(name, over)
      return mine
    },
  }
}

/** What an error says, in one line. */
export const saying = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).replaceAll(/\s+/g, " ").slice(0, 500)
