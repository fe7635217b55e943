import type { Book } from "./book.ts"
import type { Held } from "./outcome.ts"
import type { Watch } from "./watch.ts"

/** What had to hold all along, against how much it was held, and how it was broken. */
export const heldAlong = (book: Book, watch: Watch): ReadonlyArray<Held> => {
  const { negatives, observations, transitions, inventories } = watch.judged
  const { ends, fenced } = book.counts()
  const looked = `${watch.looks()} looks at ${watch.rows()} rows as they came`
  const rules: ReadonlyArray<readonly [rule: string, seen: string]> = [
    [
      "no negative conclusion from an absent source",
      `${negatives} deposits called gone, in ${observations} observations`,
    ],
    ["nothing is spendable before credit", `${inventories} inventories`],
    ["each place is taken once", looked],
    ["the checkpoint only moves on", looked],
    ["the Merkle root stands for its rows", looked],
    ["evidence can be read", looked],
    ["the record is intact under way", "verified whole before it was attested"],
    ["each revision once, in order", `${observations} observations as they came`],
    ["each alert is raised and cleared in turn, once each", `${transitions} transitions as they came`],
    ["SIGTERM ends a service in order", `${ends} times`],
    ["no service ends by itself", `${fenced} ended because a second instance had taken over, as they should`],
  ]
  const found = book.findings.all()
  return rules.map(([what, seen]) => ({
    what,
    seen,
    broken: found.filter(({ rule }) => rule === what).map(({ how }) => how),
  }))
}
