import { batchSplitChangesNothing } from "./batch-split.ts"
import { deterministic } from "./deterministic.ts"
import { duplicatesChangeNothing, duplicatesKeepTheRow } from "./duplicates.ts"
import { eventIdsAreAllEvents, findByComesFromEvents, keyColumnsFindTheEvents } from "./found-by.ts"
import { keyOrderIsEnough, rowHasOneMessageKey } from "./key-order.ts"
import type { Law } from "./law.ts"
import { snapshotHoldsTheRow } from "./snapshot.ts"

/** The laws that every projection obeys. */
export const reducerLaws: ReadonlyArray<Law> = [
  deterministic,
  duplicatesChangeNothing,
  duplicatesKeepTheRow,
  batchSplitChangesNothing,
  keyOrderIsEnough,
  rowHasOneMessageKey,
  snapshotHoldsTheRow,
  keyColumnsFindTheEvents,
  findByComesFromEvents,
  eventIdsAreAllEvents,
]
