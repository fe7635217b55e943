/** What has a place in a partition's log. */
interface Placed {
  readonly offset: number
}

/** About the longest page that is made of two: a bound on memory, however many of the one lie between two of the other. */
const pageItemsMax = 10_000

/** Pages in offset order with further items put in where they belong; the items are in offset order as well. */
export async function* inOrder<Item extends Placed>(
  pages: AsyncIterable<ReadonlyArray<Item>>,
  further: AsyncIterator<Item>,
  pageMax = pageItemsMax,
): AsyncGenerator<ReadonlyArray<Item>> {
  let next = await further.next()
  for await (const page of pages) {
    const last = page.at(-1)
    if (next.done || last === undefined || next.value.offset > last.offset) {
      yield page
      continue
    }
    let merged: Item[] = []
    for (const item of page) {
      while (!next.done && next.value.offset < item.offset) {
        merged.push(next.value)
        next = await further.next()
        if (merged.length >= pageMax) {
          yield merged
          merged = []
        }
      }
      merged.push(item)
    }
    yield merged
  }
  let rest: Item[] = []
  while (!next.done) {
    rest.push(next.value)
    next = await further.next()
    if (rest.length >= pageMax || next.done) {
      yield rest
      rest = []
    }
  }
}
