import { type Cursor, type Page, pageOf } from "./pagination.ts"

/**
 * The first rows after the cursor in the order of their keys, one more than a page has: what `pageOf` takes, for a list in
 * memory that has no order of its own. Keys must be unique; the empty text is before all of them.
 */
export const firstAfter = <Row>(
  rows: Iterable<Row>,
  keyOf: (row: Row) => string,
  after: string,
  limit: number,
): ReadonlyArray<Row> => {
  const byKey = (left: Row, right: Row): number => (keyOf(left) < keyOf(right) ? -1 : 1)
  let kept: Row[] = []
  for (const row of rows) {
    if (keyOf(row) <= after) continue
    kept.push(row)
    // Sorted now and then, so that a page of a long list costs neither its memory nor its order.
    if (kept.length > 4 * limit + 100) kept = kept.sort(byKey).slice(0, limit + 1)
  }
  return kept.sort(byKey).slice(0, limit + 1)
}

/** A page of rows in memory, in the order of their keys. Keys must be unique. */
export const pageAfter = <Row>(
  list: string,
  rows: Iterable<Row>,
  keyOf: (row: Row) => string,
  { cursor, limit }: { readonly cursor: Cursor | null; readonly limit: number },
): Page<Row> => pageOf(list, firstAfter(rows, keyOf, cursor?.[0] ?? "", limit), limit, (row) => [keyOf(row)])
