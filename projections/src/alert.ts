import { fields } from "@landfall/domain/column"
import { Alert, alertTopic } from "@landfall/domain/topics/alert"
import { defineProjection } from "./projection.ts"

/** Where a transition stands in the life of its key: each episode is a raise and then its clear. */
const step = (alert: Alert): number => alert.episode * 2 + (alert.status === "cleared" ? 1 : 0)

/** Latest transition of each alert: whether it is raised now, and in which episode. */
export const alert = defineProjection<Alert, Alert>({
  name: "alert",
  list: "alerts",
  version: 1,
  topic: alertTopic,
  key: (transition) => transition.alert_key,
  keyColumns: ["alert_key"],
  findBy: ["alert_code", "tx_hash"],
  evolve: (row, transition) => (row === null || step(transition) > step(row) ? transition : row),
  row: Alert,
  columns: fields<Alert>({
    alert_event_id: "uuid",
    alert_key: "text",
    episode: "integer",
    alert_code: "text",
    status: "text",
    severity: "text",
    reason: "text",
    service_scope: "text",
    pair: "text",
    asset_id: "text",
    tx_hash: "text",
    raised_at: "timestamptz",
    cleared_at: "timestamptz",
    first_raised_at: "timestamptz",
    last_evaluated_at: "timestamptz",
    details: "json",
  }),
})
