import { optional } from "@landfall/adapters/config/field"
import { oneOf, text } from "@landfall/adapters/config/kinds"
import { pageAfter } from "@landfall/adapters/http/first-after"
import { paging } from "@landfall/adapters/http/pagination"
import { defineRoute, type Route } from "@landfall/adapters/http/route"
import { Chain, FundingStatus } from "@landfall/domain/topics/funding-observation"
import { FundingHandle, fundingHandleKey } from "@landfall/projections/funding-handle"
import { Schema } from "effect"
import type { BridgeWatch } from "./bridge-watch.ts"
import { correlationOf, MatchedCredit, UnmatchedDeposit } from "./correlation.ts"
import type { Manager } from "./manager.ts"
import { ShownTransfer, shownTransfer } from "./shown-transfer.ts"

/** Where all of each list is of which `/state` shows the beginning. */
export const listUrls = {
  funding_handles: "/v1/funding-handles",
  transfers: "/v1/transfers",
  matched: "/v1/credit-correlation/matched",
  unmatched_bridge_deposits: "/v1/credit-correlation/unmatched-bridge-deposits",
  unmatched_transfers: "/v1/credit-correlation/unmatched-transfers",
} as const

const pageSchema = <Item extends Schema.Top>(item: Item) =>
  Schema.Struct({ items: Schema.Array(item), next_cursor: Schema.NullOr(Schema.String) })

const chain = optional(oneOf(Chain.literals), "only this chain")
const funding_handle = optional(text, "only this address")
const ListedTransfer = Schema.Struct({ chain: Chain, ...ShownTransfer.fields })

/** The lists of which `/state` shows the beginning, page by page. */
export const listRoutes = (manager: Manager, bridge: BridgeWatch): ReadonlyArray<Route> => [
  defineRoute({
    method: "GET",
    url: listUrls.funding_handles,
    summary: "Deposit addresses, in the order of account, chain, asset and address",
    query: {
      chain,
      active: optional(oneOf(["true", "false"]), "only those that are active, or that were retired"),
      ...paging("funding_handles"),
    },
    response: pageSchema(FundingHandle),
    handler: ({ query }) => {
      const rows = Iterator.from(manager.state().handles.values()).filter(
        (handle) =>
          (query.chain === null || handle.chain === query.chain) &&
          (query.active === null || String(handle.active) === query.active),
      )
      return pageAfter("funding_handles", rows, fundingHandleKey, query)
    },
  }),
  defineRoute({
    method: "GET",
    url: listUrls.transfers,
    summary:
      "The latest observation of each transfer that decisions rest on now, in the order of the transfers' ids",
    query: {
      chain,
      funding_handle,
      status: optional(oneOf(FundingStatus.literals), "only transfers that stand so"),
      ...paging("transfers"),
    },
    response: pageSchema(ListedTransfer),
    handler: ({ query }) => {
      const rows = Iterator.from(manager.state().transfers.values()).filter(
        (row) =>
          (query.chain === null || row.chain === query.chain) &&
          (query.funding_handle === null || row.funding_handle === query.funding_handle) &&
          (query.status === null || row.status === query.status),
      )
      const { items, next_cursor } = pageAfter("transfers", rows, (row) => row.transfer_id, query)
      return { items: items.map((row) => ({ ...shownTransfer(row), chain: row.chain })), next_cursor }
    },
  }),
  defineRoute({
    method: "GET",
    url: listUrls.matched,
    summary: "Bridge rows and the transfers that they stand for, in the order of the first transfer's id",
    query: paging("matched"),
    response: pageSchema(MatchedCredit),
    handler: ({ query }) =>
      pageAfter("matched", correlationOf(manager, bridge).matched, (row) => row.transfer_ids[0], query),
  }),
  defineRoute({
    method: "GET",
    url: listUrls.unmatched_bridge_deposits,
    summary: "Bridge rows that belong to no transfer, or to more than one that is alike",
    query: paging("unmatched_bridge_deposits"),
    response: pageSchema(UnmatchedDeposit),
    handler: ({ query }) =>
      pageAfter(
        "unmatched_bridge_deposits",
        correlationOf(manager, bridge).unmatchedDeposits,
        (row) => row.bridge_deposit_id,
        query,
      ),
  }),
  defineRoute({
    method: "GET",
    url: listUrls.unmatched_transfers,
    summary: "Ids of transfers on their way that the bridge has said nothing about",
    query: paging("unmatched_transfers"),
    response: pageSchema(Schema.String),
    handler: ({ query }) =>
      pageAfter(
        "unmatched_transfers",
        correlationOf(manager, bridge).unmatchedTransfers,
        (transfer_id) => transfer_id,
        query,
      ),
  }),
]
