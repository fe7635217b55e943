/** Does the work for each item, so many at once, and begins nothing more after a failure, which it gives. */
export const eachOf = async <Item>(
  items: ReadonlyArray<Item>,
  concurrency: number,
  work: (item: Item) => Promise<void>,
): Promise<Error | null> => {
  let at = 0
  let failed: Error | null = null
  const worker = async (): Promise<void> => {
    while (failed === null) {
      const item = items[at++]
      if (item === undefined) return
      try {
        await work(item)
      } catch (error) {
        failed ??= error instanceof Error ? error : new Error(String(error))
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(concurrency, items.length) }, worker))
  return failed
}

/** A fair order for work that one poll cannot do whole: what was taken longest ago comes first. */
export interface Turns {
  readonly take: (names: Iterable<string>, count: number) => ReadonlyArray<string>
}

/** Turns for names; those that are not named any more are forgotten. */
export const turns = (): Turns => {
  let taken = new Map<string, number>()
  let round = 0
  return {
    take: (names, count) => {
      const before = taken
      const wanted = [...new Set(names)]
      taken = new Map(wanted.map((name) => [name, before.get(name) ?? 0]))
      round++
      const next = wanted
        .toSorted((one, other) => (before.get(one) ?? 0) - (before.get(other) ?? 0))
        .slice(0, count)
      for (const name of next) taken.set(name, round)
      return next
    },
  }
}
