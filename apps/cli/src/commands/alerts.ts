import type { Condition } from "@landfall/adapters/audit/conditions"
import { listRows } from "@landfall/adapters/audit/rows"
import { optional, withDefault } from "@landfall/adapters/config/field"
import { flag, oneOf } from "@landfall/adapters/config/kinds"
import { cursorOf, pageLimit, pageOf } from "@landfall/adapters/http/pagination"
import { type Alert, AlertCode } from "@landfall/domain/topics/alert"
import { alert } from "@landfall/projections/alert"
import { askAsOf, asOfGiven, asOfOptions, printDatedStanding } from "../as-of.ts"
import { defineCommand } from "../define-command.ts"
import { exitCodes } from "../exit-codes.ts"

const [firstCode, ...otherCodes] = AlertCode.literals

/** What stands under an alert's line. */
const detail = (row: Alert): ReadonlyArray<string> => [
  row.reason,
  `event ${row.alert_event_id}  episode ${row.episode}  ${row.alert_key}`,
  ...(row.tx_hash === undefined ? [] : [`tx ${row.tx_hash}`]),
]

/** `landfall alerts`: what is wrong now, and on request what was. */
export const alertsCommand = defineCommand({
  name: "alerts",
  summary: "Lists active alerts, or all that there ever were",
  description:
    "Each alert is shown in its latest transition. `landfall why EVENT` leads to the events behind it, docs/runbook/ to what to\ndo.",
  options: {
    all: withDefault(flag, "false", "cleared alerts too"),
    code: optional(oneOf([firstCode, ...otherCodes]), "only alerts of this rule"),
    ...asOfOptions,
    limit: pageLimit,
    cursor: optional(cursorOf("alerts", 1), "where the page begins"),
  },
  examples: [
    { line: "landfall alerts", for: "what needs somebody now" },
    { line: "landfall alerts --all --code funding_stuck --json", for: "every deposit that was ever stuck" },
  ],
  run: async (context, { options }) => {
    const { output } = context
    const equal = (column: string, value: string): Condition => ({ column, type: "text", is: "=", value })
    const conditions = [
      ...(options.all ? [] : [equal("status", "raised")]),
      ...(options.code === null ? [] : [equal("alert_code", options.code)]),
    ]
    const after = options.cursor?.[0] ?? null
    const asOf = asOfGiven(context, options)
    const about = { topics: [alert.topic.name], projection: alert }
    const { value: rows, standing } = await askAsOf(context, asOf, about, (transaction) =>
      listRows(transaction, alert, { conditions, after, asOf }, options.limit + 1),
    )
    const page = pageOf("alerts", rows, options.limit, ({ key }) => [key])
    const items = page.items.map(({ row }) => row as Alert)
    output.result({ ...standing, items, next_cursor: page.next_cursor }, () => {
      output.table(
        [
          { title: "severity", of: (row) => row.severity },
          { title: "status", of: (row) => row.status },
          { title: "code", of: (row) => row.alert_code },
          { title: "about", of: (row) => row.pair ?? row.asset_id ?? row.service_scope },
          { title: "raised", of: (row) => row.raised_at },
          { title: "cleared", of: (row) => row.cleared_at },
        ],
        items,
        options.all ? "there was no such alert" : "no alert is active",
        detail,
      )
      if (page.next_cursor !== null) output.line(`\nmore: add --cursor ${page.next_cursor}`)
      printDatedStanding(context, asOf, standing)
    })
    return exitCodes.ok
  },
})
