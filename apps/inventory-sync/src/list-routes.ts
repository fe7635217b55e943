import { pageAfter } from "@landfall/adapters/http/first-after"
import { paging } from "@landfall/adapters/http/pagination"
import { defineRoute, type Route } from "@landfall/adapters/http/route"
import { Schema } from "effect"
import { listUrls } from "./state.ts"

const next_cursor = Schema.NullOr(Schema.String)

/** The lists that the bridge decides the length of; `/state` shows their beginnings. */
export const listRoutes = (lists: {
  /** Why rows of the bridge's latest listing cannot be read, in its order. */
  readonly unreadable_deposits: () => ReadonlyArray<string>
  /** Assets that the bridge reports and the inventory does not list. */
  readonly unlisted_assets: () => ReadonlyArray<string>
}): ReadonlyArray<Route> => [
  defineRoute({
    method: "GET",
    url: listUrls.unreadable_deposits,
    summary: "Why rows of the bridge's latest listing cannot be read, in its order",
    query: paging("unreadable_deposits"),
    response: Schema.Struct({
      items: Schema.Array(Schema.Struct({ place: Schema.Int, problem: Schema.String })),
      next_cursor,
    }),
    handler: ({ query }) => {
      const rows = lists.unreadable_deposits().map((problem, index) => ({ place: index + 1, problem }))
      return pageAfter("unreadable_deposits", rows, ({ place }) => String(place).padStart(9, "0"), query)
    },
  }),
  defineRoute({
    method: "GET",
    url: listUrls.unlisted_assets,
    summary: "Assets that the bridge reports and the inventory does not list, in the order of their names",
    query: paging("unlisted_assets"),
    response: Schema.Struct({ items: Schema.Array(Schema.String), next_cursor }),
    handler: ({ query }) => pageAfter("unlisted_assets", lists.unlisted_assets(), (asset) => asset, query),
  }),
]
