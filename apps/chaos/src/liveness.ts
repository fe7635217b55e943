import { setTimeout as sleep } from "node:timers/promises"
import type postgres from "postgres"
import type { Deposit, Deposits } from "./deposits.ts"
import type { Supervised } from "./supervised.ts"
import type { Truth } from "./truth.ts"
import { saying } from "./waiting.ts"
import type { World } from "./world.ts"

/** What must come to hold after everything was healed, and when it did, in milliseconds after the healing. */
export interface Liveness {
  readonly what: string
  readonly after_ms: number | null
  /** What still was not so at the end; empty when it came to hold. */
  readonly missing: string
  /** What was waited for last before it held; empty when it held at once. */
  readonly waited: string
}

export interface LivenessOptions {
  readonly world: World
  readonly deposits: Deposits
  readonly truth: Truth
  readonly sql: postgres.Sql
  readonly deadline_ms: number
}

interface TransferRow {
  readonly tx_hash: string
  readonly output_index: number | null
  readonly amount: string
  readonly funding_handle: string
  readonly status: string
  readonly revision: number
  readonly successor_tx_hash: string | null
}

const lookAgain_ms = 400
const recorded = "nothing in Kafka is unrecorded"
const negative: ReadonlySet<string> = new Set(["replaced", "conflicted", "dropped", "reorged"])

/**
 * Whether the bridge's row became a transfer of its own: it credited the deposit under another hash, and while the deposit was
 * called gone, or had gone before anybody saw it, it cannot be told from another one.
 */
export const isApart = (
  { course, amount, address, tx_hash }: Deposit,
  rows: ReadonlyArray<TransferRow>,
  truth: Truth,
): boolean =>
  course === "other_hash" &&
  truth.mayHaveGone(tx_hash) &&
  rows.some(
    (row) =>
      row.output_index === null &&
      row.status === "credited" &&
      row.amount === String(amount) &&
      row.funding_handle === address,
  )

/** What of a deposit is not in its final state, or null. */
export const unsettled = (
  deposit: Deposit,
  isMined: boolean,
  rows: ReadonlyArray<TransferRow>,
  truth: Truth,
): string | null => {
  const { chain, tx_hash, amount, address, course, credited, replaced_by } = deposit
  const what = `${chain} ${tx_hash} (${course})`
  const same = rows.filter((row) => row.amount === String(amount) && row.funding_handle === address)
  const own = same.find((row) => row.tx_hash === tx_hash)
  const row = own ?? same.find((other) => other.successor_tx_hash === tx_hash)
  if (replaced_by !== null)
    return own === undefined || negative.has(own.status) ? null : `${what} was replaced and is ${own.status}`
  if (!isMined) return `${what} is in no block yet`
  if (!credited) return `${what} is not credited by the bridge yet`
  if (row?.status === "credited" || isApart(deposit, rows, truth)) return null
  return `${what} is ${row === undefined ? "unknown" : `${row.status} in revision ${row.revision}`}, and the bridge has credited it`
}

/** The topics of which the writer has not recorded everything yet, in words. */
export const lagOf = async (writer: Supervised): Promise<ReadonlyArray<string>> => {
  const { topics } = await writer.get<{
    topics: ReadonlyArray<{
      topic: string
      lag: number | null
      write_status: string
      offsets: { readonly [partition: string]: { readonly next: number; readonly end: number | null } }
    }>
  }>("/state")
  return topics
    .filter(({ lag, write_status }) => lag !== 0 || write_status !== "ok")
    .map(({ topic, lag, write_status, offsets }) => {
      const open = Object.entries(offsets).filter(([, { next, end }]) => next !== end)
      const places = open.map(([partition, { next, end }]) => `${partition} at ${next} of ${end}`)
      return `${topic}: ${lag} messages, ${write_status} (${places.join(", ")})`
    })
}

/** Waits until everything holds at one time, or the deadline has passed. */
export const awaitLiveness = async (options: LivenessOptions): Promise<ReadonlyArray<Liveness>> => {
  const { world, deposits, truth, sql, deadline_ms } = options
  const { services } = world

  const ready = async (): Promise<ReadonlyArray<string>> => {
    const reasons = await Promise.all(
      Object.values(services).map(async (service) => {
        const reason = await service.unready().catch(saying)
        return reason === null ? [] : [`${service.name}: ${reason}`]
      }),
    )
    return reasons.flat()
  }
  const transferRows = (): Promise<ReadonlyArray<TransferRow>> => sql<TransferRow[]>`
    select tx_hash, output_index, amount::text, funding_handle, status, revision, successor_tx_hash
    from funding_transfer_snapshot`
  const settled = async (): Promise<ReadonlyArray<string>> => {
    const rows = await transferRows()
    const left: string[] = []
    for (const deposit of deposits.all()) {
      // The nodes are asked for what is open only, one after another: there are hundreds.
      if (unsettled(deposit, true, rows, truth) === null) continue
      const open = unsettled(deposit, await deposits.isMined(deposit), rows, truth)
      if (open !== null) left.push(open)
    }
    return left
  }
  const cleared = async (): Promise<ReadonlyArray<string>> => {
    const rows = await sql<Array<{ alert_key: string; reason: string; tx_hash: string | null }>>`
      select alert_key, reason, tx_hash from alert_snapshot where status = 'raised'`
    const transfers = await transferRows()
    const apart = deposits.all().filter((deposit) => isApart(deposit, transfers, truth))
    // Of a deposit whose credit stands apart nobody can ever tell that it was credited.
    return rows
      .filter(({ tx_hash }) => !apart.some((deposit) => deposit.tx_hash === tx_hash))
      .map(({ alert_key, reason }) => `${alert_key}: ${reason}`)
  }

  const wanted: ReadonlyArray<readonly [what: string, missing: () => Promise<ReadonlyArray<string>>]> = [
    ["every service is ready", ready],
    [recorded, () => lagOf(services["history-writer"])],
    ["every deposit is in its final state", settled],
    ["every alert is cleared", cleared],
  ]
  const began_ms = performance.now()
  const first = new Map<string, number>()
  const waited = new Map<string, string>()
  for (;;) {
    const standing: Liveness[] = []
    for (const [what, missing] of wanted) {
      const left = await missing().catch((error: unknown) => [saying(error)])
      const after_ms = performance.now() - began_ms
      // What comes each second is always under way for a moment: once with nothing left is all that was left behind.
      if (left.length > 0 && what !== recorded) first.delete(what)
      if (left.length === 0 && !first.has(what)) first.set(what, after_ms)
      const told = `${left.slice(0, 5).join("; ")}${left.length > 5 ? ` and ${left.length - 5} more` : ""}`
      if (told !== "") waited.set(what, told)
      const after = first.get(what) ?? null
      standing.push({ what, after_ms: after, missing: told, waited: waited.get(what) ?? "" })
    }
    const isOver = performance.now() - began_ms > deadline_ms
    if (isOver || standing.every(({ after_ms }) => after_ms !== null)) return standing
    await sleep(lookAgain_ms)
  }
}
