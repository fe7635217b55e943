/** What can wait in a queue: the queue keeps its deadline and its place on the item itself. */
export interface Queued {
  /** When it is due, in epoch milliseconds; `-Infinity` is due at once. Only the queue changes it. */
  due_ms: number
  /** Its place in the heap, or -1 while it does not wait. Only the queue changes it. */
  place: number
}

/**
 * Items by deadline, each at most once: a binary heap in which an item knows its place. Setting a deadline costs
 * O(log n) and leaves nothing stale behind, so the queue is never longer than the number of items, and taking what
 * is due costs what is due.
 */
export interface DeadlineQueue<Item extends Queued> {
  /** Sets or moves the deadline; `Infinity` takes the item out. */
  readonly set: (item: Item, due_ms: number) => void
  /** Takes out an item that is due at that instant, earliest first; undefined when none is. */
  readonly takeDue: (now_ms: number) => Item | undefined
  readonly size: () => number
  /** How many items were moved since the queue was made: what it has cost, without a clock. */
  readonly moves: () => number
}

/** An empty queue of deadlines. */
export const deadlineQueue = <Item extends Queued>(): DeadlineQueue<Item> => {
  const heap: Item[] = []
  let moves = 0

  const put = (item: Item, place: number): void => {
    heap[place] = item
    item.place = place
    moves++
  }

  const siftUp = (item: Item, from: number): void => {
    let place = from
    while (place > 0) {
      const above = (place - 1) >> 1
      const parent = heap[above]
      if (parent === undefined || parent.due_ms <= item.due_ms) break
      put(parent, place)
      place = above
    }
    put(item, place)
  }

  const siftDown = (item: Item, from: number): void => {
    let place = from
    for (;;) {
      const left = heap[2 * place + 1]
      const right = heap[2 * place + 2]
      const child = right !== undefined && left !== undefined && right.due_ms < left.due_ms ? right : left
      if (child === undefined || child.due_ms >= item.due_ms) break
      const below = child.place
      put(child, place)
      place = below
    }
    put(item, place)
  }

  const takeOut = (item: Item): void => {
    const { place } = item
    const last = heap.pop()
    item.place = -1
    if (last === undefined || last === item) return
    settle(last, place)
  }

  const settle = (item: Item, place: number): void => {
    const parent = place > 0 ? heap[(place - 1) >> 1] : undefined
    if (parent !== undefined && parent.due_ms > item.due_ms) siftUp(item, place)
    else siftDown(item, place)
  }

  return {
    set: (item, due_ms) => {
      if (item.due_ms === due_ms && (item.place >= 0 || due_ms === Number.POSITIVE_INFINITY)) return
      item.due_ms = due_ms
      if (due_ms === Number.POSITIVE_INFINITY) {
        if (item.place >= 0) takeOut(item)
      } else if (item.place >= 0) settle(item, item.place)
      else siftUp(item, heap.length)
    },
    takeDue: (now_ms) => {
      const first = heap[0]
      if (first === undefined || first.due_ms > now_ms) return undefined
      takeOut(first)
      return first
    },
    size: () => heap.length,
    moves: () => moves,
  }
}
