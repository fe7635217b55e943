import fc from "fast-check"

/**
 * One stream of several: each list keeps its own order, and `picks` says which list is next.
 * This is what a reader of several partitions sees.
 */
export const interleave = <Item>(
  lists: ReadonlyArray<ReadonlyArray<Item>>,
  picks: ReadonlyArray<number>,
): ReadonlyArray<Item> => {
  const queues = lists.filter((list) => list.length > 0).map((list) => ({ list, next: 0 }))
  const merged: Array<Item> = []
  for (let turn = 0; queues.length > 0; turn++) {
    const place = (picks[turn % Math.max(picks.length, 1)] ?? 0) % queues.length
    const queue = queues[place]
    if (queue === undefined) break
    const item = queue.list[queue.next++]
    if (item !== undefined) merged.push(item)
    if (queue.next >= queue.list.length) queues.splice(place, 1)
  }
  return merged
}

/** Choices for {@link interleave}; they repeat when they run out. */
export const picks = fc.array(fc.nat({ max: 59 }), { minLength: 1, maxLength: 40 })

/** Several lists as one stream, in any order that keeps each list's own. */
export const interleaved = <Item>(
  lists: fc.Arbitrary<ReadonlyArray<ReadonlyArray<Item>>>,
): fc.Arbitrary<ReadonlyArray<Item>> => fc.tuple(lists, picks).map(([all, order]) => interleave(all, order))

/** The items in groups of one key, each group in the order of the stream. */
export const grouped = <Item>(
  items: Iterable<Item>,
  key: (item: Item) => string,
): ReadonlyArray<ReadonlyArray<Item>> => {
  const groups = new Map<string, Array<Item>>()
  for (const item of items) {
    const group = groups.get(key(item))
    if (group === undefined) groups.set(key(item), [item])
    else group.push(item)
  }
  return [...groups.values()]
}
