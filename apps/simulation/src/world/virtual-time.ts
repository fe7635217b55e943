import { createRequire, syncBuiltinESMExports } from "node:module"

/**
 * Time that passes only when nobody has anything left to do. While it runs it stands in for the timers and the clock that
 * services use, so that a minute costs what is done in it, and the order of everything follows from the seed.
 */
export interface VirtualTime {
  /** Epoch milliseconds. */
  readonly now: () => number
  readonly sleep: (length_ms: number) => Promise<void>
  readonly at: (at_ms: number, run: () => void) => void
  /** Lets time pass until that instant. */
  readonly runUntil: (end_ms: number) => Promise<void>
  readonly close: () => void
}

interface Timer {
  readonly at_ms: number
  readonly order: number
  readonly run: () => void
  cancelled: boolean
}

/** The timer functions that this module stands in for. */
interface Timers {
  readonly start: (length_ms: number, run: () => void) => Timer
  readonly now: () => number
}

let current: Timers | null = null
let installed = false

const realSetImmediate = setImmediate

/** All microtasks are done when the next turn of the event loop begins: nothing here waits for the outside. */
const settled = (): Promise<void> => new Promise((resolve) => realSetImmediate(resolve))

/** Puts switches in the place of the timer functions once; without a virtual time they lead to the real ones. */
const install = (): void => {
  if (installed) return
  installed = true
  const real = {
    set: globalThis.setTimeout,
    clear: globalThis.clearTimeout,
    setEvery: globalThis.setInterval,
    clearEvery: globalThis.clearInterval,
  }
  const virtualSet = (run: (...args: unknown[]) => void, length_ms = 0, ...args: unknown[]): unknown =>
    current === null ? real.set(run, length_ms, ...args) : current.start(length_ms, () => run(...args))
  const virtualClear = (handle: unknown): void => {
    if (typeof handle === "object" && handle !== null && "cancelled" in handle) handle.cancelled = true
    else real.clear(handle as NodeJS.Timeout)
  }
  const virtualSetEvery = (run: (...args: unknown[]) => void, length_ms = 0, ...args: unknown[]): unknown => {
    const timers = current
    if (timers === null) return real.setEvery(run, length_ms, ...args)
    const handle = { cancelled: false }
    const again = (): void => {
      if (handle.cancelled) return
      timers.start(length_ms, again)
      run(...args)
    }
    timers.start(length_ms, again)
    return handle
  }
  const virtualClearEvery = (handle: unknown): void => {
    if (typeof handle === "object" && handle !== null && "cancelled" in handle) handle.cancelled = true
    else real.clearEvery(handle as NodeJS.Timeout)
  }
  Object.assign(globalThis, {
    setTimeout: virtualSet,
    clearTimeout: virtualClear,
    setInterval: virtualSetEvery,
    clearInterval: virtualClearEvery,
  })
  const promises = createRequire(import.meta.url)("node:timers/promises")
  const realSleep = promises.setTimeout
  promises.setTimeout = (length_ms = 0, value?: unknown, options: { signal?: AbortSignal } = {}) =>
    current === null
      ? realSleep(length_ms, value, options)
      : sleepIn(current, length_ms, value, options.signal)
  syncBuiltinESMExports()
  const realAny = AbortSignal.any.bind(AbortSignal)
  AbortSignal.any = (signals) => (current === null ? realAny(signals) : anyOf(signals))
  const realNow = performance.now.bind(performance)
  performance.now = () => (current === null ? realNow() : current.now())
}

/** Node keeps its own for as long as somebody listens, and the processes that die here never stop listening. */
const anyOf = (signals: Iterable<AbortSignal>): AbortSignal => {
  const either = new AbortController()
  for (const signal of signals) {
    if (signal.aborted) either.abort(signal.reason)
    else signal.addEventListener("abort", () => either.abort(signal.reason), { once: true })
  }
  return either.signal
}

const sleepIn = (timers: Timers, length_ms: number, value: unknown, signal?: AbortSignal): Promise<unknown> =>
  new Promise((resolve, reject) => {
    if (signal?.aborted === true) return reject(signal.reason)
    const onAbort = (): void => {
      timer.cancelled = true
      reject(signal?.reason)
    }
    const timer = timers.start(length_ms, () => {
      signal?.removeEventListener("abort", onAbort)
      resolve(value)
    })
    signal?.addEventListener("abort", onAbort, { once: true })
  })

/** Starts virtual time; there can be one at a time in a process. */
export const startVirtualTime = (start_ms: number): VirtualTime => {
  if (current !== null) throw new Error("another simulation runs in this process: close its time first")
  install()
  let now_ms = start_ms
  let order = 0
  const heap: Timer[] = []
  const isBefore = (one: Timer, other: Timer): boolean =>
    one.at_ms < other.at_ms || (one.at_ms === other.at_ms && one.order < other.order)
  const push = (timer: Timer): void => {
    let place = heap.push(timer) - 1
    while (place > 0) {
      const above = (place - 1) >> 1
      const parent = heap[above] as Timer
      if (isBefore(parent, timer)) break
      heap[place] = parent
      place = above
    }
    heap[place] = timer
  }
  const pop = (): Timer | undefined => {
    const first = heap[0]
    const last = heap.pop()
    if (first === undefined || last === undefined || heap.length === 0) return first
    let place = 0
    for (;;) {
      let child = 2 * place + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Timer, heap[child] as Timer)) child++
      if (isBefore(last, heap[child] as Timer)) break
      heap[place] = heap[child] as Timer
      place = child
    }
    heap[place] = last
    return first
  }
  const start = (length_ms: number, run: () => void): Timer => {
    const timer = {
      at_ms: now_ms + Math.max(0, Math.round(length_ms)),
      order: order++,
      run,
      cancelled: false,
    }
    push(timer)
    return timer
  }
  const timers: Timers = { start, now: () => now_ms }
  current = timers
  return {
    now: timers.now,
    sleep: (length_ms) => new Promise((resolve) => void start(length_ms, resolve)),
    at: (at_ms, run) => void start(at_ms - now_ms, run),
    runUntil: async (end_ms) => {
      await settled()
      while (heap[0] !== undefined && heap[0].at_ms <= end_ms) {
        const timer = pop() as Timer
        if (timer.cancelled) continue
        now_ms = timer.at_ms
        timer.run()
        await settled()
      }
      now_ms = Math.max(now_ms, end_ms)
    },
    close: () => {
      current = null
    },
  }
}
