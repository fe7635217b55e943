import { toJson } from "@landfall/domain/codec"
import { fold } from "@landfall/projections/fold"
import { projections } from "@landfall/projections/registry"
import type { Invariant } from "./invariant.ts"

/** The snapshots are what folding the evidence from nothing gives. */
export const rebuilt: Invariant = function* ({ postgres }) {
  const rows = [...postgres.evidence.values()].sort(
    (left, right) =>
      left.message.partition - right.message.partition || left.message.offset - right.message.offset,
  )
  for (const projection of projections) {
    const events = rows.flatMap(({ message }) =>
      message.topic.name === projection.topic.name && message.decoded.ok ? [message.decoded.record] : [],
    )
    const again = fold(projection, events)
    const live = postgres.snapshots.get(projection.name) ?? new Map()
    for (const key of new Set([...again.keys(), ...live.keys()])) {
      const [rebuiltRow, liveRow] = [toJson(again.get(key)), toJson(live.get(key)?.row)]
      if (rebuiltRow !== liveRow)
        yield `${projection.name} ${key}: folded anew it is ${rebuiltRow}, the snapshot has ${liveRow}`
    }
  }
}
