import { deskPair } from "../stack/alert-policy.ts"
import { step } from "../terminal.ts"
import { until } from "../until.ts"
import type { Stage } from "./story.ts"

/** An alert as PostgreSQL shows it. */
export interface ShownAlert {
  readonly alert_code: string
  readonly status: string
  readonly severity: string
  readonly reason: string
  readonly episode: number
}

/** The alert, once the snapshot in PostgreSQL has it so: raised by ops-sentinel, through Kafka and the history writer. */
export const alertIs = (
  { sql }: Stage,
  code: string,
  status: "raised" | "cleared",
  about: { readonly tx_hash?: string } = {},
): Promise<ShownAlert> =>
  until(
    `${code} to be ${status}`,
    async () => {
      const [row] = await sql<ShownAlert[]>`
        select alert_code, status, severity, reason, episode from alert_snapshot
        where alert_code = ${code} and status = ${status}
          ${about.tx_hash === undefined ? sql`` : sql`and tx_hash = ${about.tx_hash}`}
        order by last_evaluated_at desc limit 1`
      return row ?? null
    },
    { timeoutMs: 45_000 },
  )

/** Says what an alert is and why. */
export const sayAlert = ({ status, severity, reason }: ShownAlert): string =>
  `${status} (${severity}): ${reason}`

/** Prices, inventory and submissions go wrong one after another, and recover. */
export const playAlerts = async (stage: Stage): Promise<void> => {
  const { terminal, operation, parts } = stage
  const act = async (
    code: string,
    breaking: { readonly what: string; readonly do: () => Promise<unknown> },
    mending: { readonly what: string; readonly do: () => Promise<unknown> },
  ): Promise<void> => {
    await step(
      terminal,
      `${breaking.what}: ${code}`,
      async () => {
        await breaking.do()
        return alertIs(stage, code, "raised")
      },
      sayAlert,
    )
    await step(
      terminal,
      mending.what,
      async () => {
        await mending.do()
        return alertIs(stage, code, "cleared")
      },
      sayAlert,
    )
  }
  await act(
    "reference_price_stale",
    { what: "prices are paused", do: () => operation.market.post("/pause") },
    { what: "prices come again", do: () => operation.market.post("/resume") },
  )
  await act(
    "inventory_snapshot_stale",
    { what: "inventory is paused", do: () => operation.inventory.post("/pause") },
    { what: "inventory comes again", do: () => operation.inventory.post("/resume") },
  )
  await act(
    "executor_submission_failed",
    {
      what: "nothing listens at the relay",
      do: async () => {
        await parts.executor.control.overrideRelay("http://127.0.0.1:9")
        await parts.executor.control.submit(deskPair)
      },
    },
    {
      what: "the relay is there again",
      do: async () => {
        await parts.executor.control.restoreRelay()
        await parts.executor.control.submit(deskPair)
      },
    },
  )
}
