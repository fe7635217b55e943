/** What has an offset. */
interface Placed {
  readonly offset: number
}

/**
 * Several streams of pages, each in offset order, as one stream in offset order. Memory holds a page of each. Items of one
 * offset come in the order of the streams.
 */
export async function* inStep<Item extends Placed>(
  streams: ReadonlyArray<AsyncIterator<ReadonlyArray<Item>>>,
): AsyncGenerator<ReadonlyArray<Item>> {
  const heads = streams.map((stream) => ({ stream, items: [] as ReadonlyArray<Item>, ended: false }))
  for (;;) {
    for (const head of heads) {
      while (!head.ended && head.items.length === 0) {
        const page = await head.stream.next()
        if (page.done) head.ended = true
        else head.items = page.value
      }
    }
    // Up to here every stream has shown what it has.
    const horizon = Math.min(
      ...heads.filter(({ ended }) => !ended).map(({ items }) => items.at(-1)?.offset ?? 0),
    )
    const ready = heads.flatMap((head) => {
      const end = head.items.findIndex(({ offset }) => offset > horizon)
      const taken = end < 0 ? head.items : head.items.slice(0, end)
      head.items = end < 0 ? [] : head.items.slice(end)
      return taken
    })
    if (ready.length === 0) return
    yield ready.sort((left, right) => left.offset - right.offset)
  }
}
