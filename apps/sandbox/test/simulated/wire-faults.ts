import { type FailureReason, RequestFailed } from "@landfall/adapters/net/request-failed"
import { expect } from "vitest"
import type { WireFault } from "../../src/simulated/faults.ts"

/** What a client says of each way in which a simulated part can misbehave on the wire. */
export const wireFaultReasons: ReadonlyArray<readonly [WireFault, FailureReason]> = [
  ["hang", "timeout"],
  ["refuse", "refused"],
  ["reset", "broken"],
  ["malformed_json", "not_json"],
  ["html", "not_json"],
  ["status_500", "status"],
  ["redirect", "redirected"],
  ["deep_json", "too_deep"],
  ["huge", "too_large"],
  ["slow_drip", "timeout"],
]

/** How long a client waits; nothing said is the usual time. */
export interface Patience {
  readonly headers_timeout_ms?: number
  readonly total_timeout_ms?: number
}

const impatient: Patience = { headers_timeout_ms: 150, total_timeout_ms: 300 }

/**
 * Sets the fault, expects the question to fail for the reason, and to be answered once the fault is cleared. Only
 * who is to run out of time is impatient: a right answer may be slow on a busy machine.
 */
export const expectMisbehaviour = async (
  control: {
    readonly setFault: (fault: { readonly kind: WireFault }) => Promise<void>
    readonly clearFault: () => Promise<void>
  },
  [kind, reason]: readonly [WireFault, FailureReason],
  ask: (patience: Patience) => Promise<unknown>,
): Promise<void> => {
  await control.setFault({ kind })
  const error = await ask(reason === "timeout" ? impatient : {}).catch((failure: unknown) => failure)
  expect(error).toBeInstanceOf(RequestFailed)
  expect(error).toMatchObject({ reason })
  await control.clearFault()
  await expect(ask({})).resolves.toBeDefined()
}
