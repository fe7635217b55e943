import type { Condition } from "@landfall/adapters/audit/conditions"
import { listRows } from "@landfall/adapters/audit/rows"
import { optional } from "@landfall/adapters/config/field"
import { oneOf, text } from "@landfall/adapters/config/kinds"
import { cursorOf, pageLimit, pageOf } from "@landfall/adapters/http/pagination"
import { FundingStatus } from "@landfall/domain/topics/funding-observation"
import { type FundingTransfer, fundingTransfer } from "@landfall/projections/funding-transfer"
import { askAsOf, asOfGiven, asOfOptions, printDatedStanding } from "../as-of.ts"
import { defineCommand } from "../define-command.ts"
import { exitCodes } from "../exit-codes.ts"
import { humanAmount } from "../output/amount.ts"

const [firstStatus, ...otherStatuses] = FundingStatus.literals

const equal = (column: string, value: string | null): ReadonlyArray<Condition> =>
  value === null ? [] : [{ column, type: "text", is: "=", value }]

/** What stands under a transfer's line: everything whole. */
const detail = (row: FundingTransfer): ReadonlyArray<string> => [
  `transfer  ${row.transfer_id}`,
  `to        ${row.chain}:${row.funding_handle}`,
  `tx        ${row.tx_hash === null ? "no hash known" : `${row.tx_hash}${row.output_index === null ? "" : `:${row.output_index}`}`}`,
  `amount    ${row.amount} base units of ${row.asset_id}`,
  ...(row.successor_tx_hash === undefined ? [] : [`replaced by ${row.successor_tx_hash}`]),
  ...(row.bridge_deposit_tx_hash === undefined ? [] : [`bridge tx ${row.bridge_deposit_tx_hash}`]),
]

/** `landfall funding`: the transfers as the snapshot has them. */
export const fundingCommand = defineCommand({
  name: "funding",
  summary: "Lists inbound transfers: what is on its way, credited or gone",
  description:
    "Only `credited` is spendable: the bridge has it. `seen`: in the mempool, or known and unmined. `confirming`: mined, with\nfewer confirmations than the policy wants. `confirmed`: with enough. `replaced`: another transaction spent its inputs.\n`conflicted`: a mined one did. `dropped`: it left the mempool unmined. `reorged`: its block left the chain. None of these is\nthe end; what is gone may come back.",
  options: {
    handle: optional(text, "only this deposit address"),
    "tx-hash": optional(text, "only this transaction on the chain"),
    asset: optional(text, "only this asset id"),
    status: optional(oneOf([firstStatus, ...otherStatuses]), "only transfers of this status"),
    ...asOfOptions,
    limit: pageLimit,
    cursor: optional(cursorOf("transfers", 1), "where the page begins"),
  },
  examples: [
    { line: "landfall funding --status confirmed", for: "what the bridge has yet to credit" },
    { line: "landfall funding --as-of 2026-11-23T09:30:00Z", for: "what was known then" },
    { line: "landfall funding --json | jq '.items[].tx_hash'", for: "the same for programs" },
  ],
  run: async (context, { options }) => {
    const { output } = context
    const conditions = [
      ...equal("funding_handle", options.handle),
      ...equal("tx_hash", options["tx-hash"]),
      ...equal("asset_id", options.asset),
      ...equal("status", options.status),
    ]
    const after = options.cursor?.[0] ?? null
    const asOf = asOfGiven(context, options)
    const about = { topics: [fundingTransfer.topic.name], projection: fundingTransfer }
    const { value: rows, standing } = await askAsOf(context, asOf, about, (transaction) =>
      listRows(transaction, fundingTransfer, { conditions, after, asOf }, options.limit + 1),
    )
    const page = pageOf("transfers", rows, options.limit, ({ key }) => [key])
    const items = page.items.map(({ row }) => row as FundingTransfer)
    output.result({ ...standing, items, next_cursor: page.next_cursor }, () => {
      output.table(
        [
          { title: "status", of: (row) => row.status },
          { title: "amount", of: (row) => humanAmount(row.amount, row.chain), align: "right" },
          {
            title: "confirmations",
            of: (row) => `${row.confirmations}/${row.confirmations_required}`,
            align: "right",
          },
          { title: "first seen", of: (row) => row.first_seen_at },
          { title: "last seen", of: (row) => row.last_seen_at },
          { title: "bridge", of: (row) => row.bridge_status },
          { title: "observer", of: (row) => row.observer.state },
        ],
        items,
        "no such transfer",
        detail,
      )
      if (page.next_cursor !== null) output.line(`\nmore: add --cursor ${page.next_cursor}`)
      printDatedStanding(context, asOf, standing)
    })
    return exitCodes.ok
  },
})
