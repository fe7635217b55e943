import fc from "fast-check"
import { fold } from "../fold.ts"
import { expectSameRows, type Law } from "./law.ts"

const freeze = (value: unknown): void => {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return
  Object.freeze(value)
  for (const part of Object.values(value)) freeze(part)
}

/** The same events always give the same rows, and neither event nor row is ever changed in place. */
export const deterministic: Law = {
  name: "is deterministic and changes nothing in place",
  property: (projection, history) =>
    fc.property(history, (events) => {
      const untouched = fold(projection, events)
      freeze(events)
      const frozen: typeof untouched = new Map()
      for (const event of events) {
        const key = projection.key(event)
        const row = projection.evolve(frozen.get(key) ?? null, event)
        freeze(row)
        if (row !== null) frozen.set(key, row)
      }
      expectSameRows(projection, "folding again gave other rows", untouched, frozen)
    }),
}
