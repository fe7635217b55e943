import fc from "fast-check"
import { fold } from "../fold.ts"
import { expectSameRows, type Law } from "./law.ts"

/** Events delivered again as equal copies, as decoding makes them, each at some place after its first delivery. */
const redeliver = <Event>(
  events: ReadonlyArray<Event>,
  again: ReadonlyArray<readonly [which: number, delay: number]>,
): ReadonlyArray<Event> => {
  const delivered = events.map((event, place) => ({ event, place }))
  const copies = again.flatMap(([which, delay]) => {
    const original = delivered[which % Math.max(events.length, 1)]
    return original === undefined
      ? []
      : [{ event: { ...original.event }, place: original.place + 0.5 + delay }]
  })
  return [...delivered, ...copies].sort((left, right) => left.place - right.place).map(({ event }) => event)
}

const redeliveries = fc.array(fc.tuple(fc.nat(), fc.nat({ max: 40 })), { maxLength: 20 })

/** An event that is delivered again, at once or much later, changes no row. */
export const duplicatesChangeNothing: Law = {
  name: "is not changed by duplicates, however late they come",
  property: (projection, history) =>
    fc.property(history, redeliveries, (events, again) => {
      const once = fold(projection, events)
      expectSameRows(projection, "duplicates changed rows", once, fold(projection, redeliver(events, again)))
    }),
}

/** A duplicate gives back the very same row object, so that nothing is written for it. */
export const duplicatesKeepTheRow: Law = {
  name: "gives back the very same row for a duplicate",
  property: (projection, history) =>
    fc.property(history, (events) => {
      const rows = fold(projection, events)
      for (const event of events) {
        const row = rows.get(projection.key(event)) ?? null
        if (projection.evolve(row, { ...event }) !== row)
          throw new Error(`${projection.name}: a duplicate for ${projection.key(event)} made a new row`)
      }
    }),
}
