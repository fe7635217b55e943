import { Schema } from "effect"

/** The ways in which any simulated part can misbehave, whatever it would have said. */
export const wireFaults = [
  "delay", // answers right, but late
  "hang", // takes the request and never answers
  "refuse", // does not listen at all
  "reset", // takes the request and resets the connection
  "malformed_json", // JSON that ends in the middle
  "html", // a gateway's error page, with status 200
  "status_500",
  "redirect", // sends the client elsewhere
  "deep_json", // arrays in arrays, a hundred thousand deep
  "huge", // 64 MiB of white space
  "slow_drip", // one byte each 100 ms
] as const
export type WireFault = (typeof wireFaults)[number]

/** A fault: what goes wrong, how many answers have it (until cleared unless said), and how late `delay` is. */
export interface Fault<Own extends string> {
  readonly kind: WireFault | Own
  readonly times?: number
  readonly delay_ms?: number
}

/** The schema of the faults of one part: the common ones and its own. */
export const faultSchema = <const Own extends string>(own: ReadonlyArray<Own>) =>
  Schema.Struct({
    kind: Schema.Literals([...wireFaults, ...own]),
    times: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1_000_000 }))),
    delay_ms: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 600_000 }))),
  })

/** The fault that is set now, and how often the part was asked. */
export interface FaultBox<Own extends string> {
  readonly set: (fault: Fault<Own> | null) => void
  readonly current: () => Fault<Own> | null
  /** The fault of the next answer; counts the call, and the fault down. */
  readonly take: () => Fault<Own> | null
  readonly calls: () => number
}

/** A part that behaves. */
export const createFaultBox = <Own extends string>(): FaultBox<Own> => {
  let fault: Fault<Own> | null = null
  let calls = 0
  return {
    set: (next) => {
      fault = next
    },
    current: () => fault,
    take: () => {
      calls += 1
      const taken = fault
      if (taken?.times !== undefined) fault = taken.times <= 1 ? null : { ...taken, times: taken.times - 1 }
      return taken
    },
    calls: () => calls,
  }
}

/** Whether a fault is of the wire, so that it does not matter what the part would have said. */
export const isWireFault = (kind: string): kind is WireFault => wireFaults.some((known) => known === kind)
