import { recordDecoder } from "@landfall/domain/codec"
import type { Rows } from "@landfall/projections/fold"
import type { AnyProjection } from "@landfall/projections/registry"

/** What came of folding messages. */
export interface Folded {
  readonly rows: Rows<unknown>
  readonly events: number
  /** Messages that are no record of the topic, and were not folded. */
  readonly unreadable: number
}

/** Folds message values of one projection's topic as they come, wherever that is done. */
export interface Folding {
  /** Takes the next values; resolves when there is room for more. */
  readonly add: (values: ReadonlyArray<Uint8Array | null>) => Promise<void> | void
  /** Resolves when everything was folded. */
  readonly done: () => Promise<void>
  /** What came of it, once it is done. */
  readonly result: () => Promise<Folded>
  readonly close: () => Promise<unknown>
}

/** Folds one record after the other into rows. */
export const recordFolder = ({ key, evolve }: AnyProjection) => {
  const rows: Rows<unknown> = new Map()
  return {
    rows,
    fold: (record: unknown): void => {
      const at = key(record)
      const before = rows.get(at) ?? null
      const after = evolve(before, record)
      if (after !== null && after !== before) rows.set(at, after)
    },
  }
}

/** Folds one message value after the other. */
export const valueFolder = (projection: AnyProjection) => {
  const { rows, fold } = recordFolder(projection)
  const decode = recordDecoder(projection.topic)
  let [events, unreadable] = [0, 0]
  return {
    fold: (value: Uint8Array | null): void => {
      const decoded = decode(value)
      if (decoded.ok) {
        fold(decoded.record)
        events++
      } else unreadable++
    },
    folded: (): Folded => ({ rows, events, unreadable }),
  }
}

/** Folds in this thread. */
export const foldHere = (projection: AnyProjection): Folding => {
  const { fold, folded } = valueFolder(projection)
  return {
    add: (values) => values.forEach(fold),
    done: async () => {},
    result: async () => folded(),
    close: async () => {},
  }
}
