import fc from "fast-check"
import { fold } from "../fold.ts"
import { grouped, interleave, picks } from "../testing/interleave.ts"
import { expectSameRows, type Law } from "./law.ts"

/** Only the order within a message key counts: other keys and partitions may come in between in any way. */
export const keyOrderIsEnough: Law = {
  name: "needs only the order within a message key",
  property: (projection, history) =>
    fc.property(history, picks, (events, order) => {
      const shuffled = interleave(grouped(events, projection.topic.key), order)
      expectSameRows(
        projection,
        "another order between keys changed rows",
        fold(projection, events),
        fold(projection, shuffled),
      )
    }),
}

/** All events of one row have one message key; else Kafka would not keep them in order. */
export const rowHasOneMessageKey: Law = {
  name: "takes all events of a row from one message key",
  property: (projection, history) =>
    fc.property(history, (events) => {
      for (const group of grouped(events, projection.key)) {
        const keys = new Set(group.map(projection.topic.key))
        if (keys.size > 1)
          throw new Error(`${projection.name}: one row has several message keys: ${[...keys].join(", ")}`)
      }
    }),
}
