import { checkInvariants } from "@landfall/sandbox/testing/record-invariants"
import type { UntilOptions } from "@landfall/sandbox/until"
import { expect } from "vitest"
import type { Flow } from "./flow.ts"
import type { House } from "./given-parts.ts"
import { untilRead } from "./given-writer.ts"

export { checkInvariants, readSnapshot } from "@landfall/sandbox/testing/record-invariants"

/** Waits until the flow is read to its end, and expects each message of it to have become what it is, once. */
export const expectFlow = async (
  house: House,
  flow: Flow,
  options: Pick<UntilOptions, "timeoutMs"> = {},
): Promise<void> => {
  await untilRead(house, flow.messages.length, options)
  expect(await checkInvariants(house)).toEqual({
    evidence: flow.evidence,
    duplicates: flow.duplicates,
    deadLetters: flow.poison,
  })
}
