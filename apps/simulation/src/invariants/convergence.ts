import type { FundingTransfer } from "@landfall/projections/funding-transfer"
import { uncreditedTotals } from "@landfall/projections/uncredited"
import { standingOf } from "../world/chain.ts"
import type { Invariant } from "./invariant.ts"

/** After the healing each deposit stands in the snapshots as the chain and the bridge have it, and so do the totals. */
export const convergence: Invariant = function* ({ postgres, bitcoin, gnosis, bridge }) {
  const transfers = Array.from(
    postgres.snapshots.get("funding_transfer")?.values() ?? [],
    ({ row }) => row as FundingTransfer,
  )
  const totals = new Map<string, bigint>()
  for (const [chain, asset_id, name] of [
    [bitcoin, "BTC", "bitcoin"],
    [gnosis, "EURe", "gnosis"],
  ] as const) {
    const view = chain.view()
    const isGone = (outpoint: string): boolean =>
      standingOf(view, outpoint.slice(0, outpoint.lastIndexOf(":"))).kind === "gone"
    for (const { tx_hash, outputs } of view.transactions.values()) {
      const standing = standingOf(view, tx_hash)
      for (const [index, { amount }] of outputs.entries()) {
        const found = transfers.filter(
          (row) =>
            row.chain === name &&
            row.output_index === index &&
            (row.tx_hash === tx_hash || row.successor_tx_hash === tx_hash) &&
            row.amount === amount,
        )
        const own = found.filter((row) => row.tx_hash === tx_hash)
        const row = own[0] ?? found[0]
        const outpoint = `${tx_hash}:${index}`
        const credited = bridge.isCredited(outpoint)
        // Credited in a sum with one that is gone: nobody can tell that it was in it, and it stays in sight.
        const isUntold = credited && row?.status === "confirmed" && bridge.sumOf(outpoint).some(isGone)
        if (standing.kind === "mined" && (!credited || isUntold))
          totals.set(asset_id, (totals.get(asset_id) ?? 0n) + amount)
        if (row === undefined) {
          if (standing.kind !== "gone") yield `${outpoint} is ${standing.kind} and no transfer tells of it`
          continue
        }
        const expected =
          standing.kind === "gone"
            ? credited
              ? // Credited under another hash and gone before anybody looked: nobody can tell that they were one.
                ["credited", "reorged", "replaced", "conflicted", "dropped"]
              : ["replaced", "conflicted", "dropped", "reorged"]
            : [credited && !isUntold ? "credited" : "confirmed"]
        if (!expected.includes(row.status))
          yield `${outpoint} (${standing.kind}, bridge ${bridge.rowOf(outpoint)?.status ?? "silent"}) is ${row.status} in revision ${row.revision}, not ${expected.join(" or ")}`
      }
    }
  }
  const shown = uncreditedTotals(transfers)
  for (const asset of new Set([...totals.keys(), ...shown.keys()]))
    if ((totals.get(asset) ?? 0n) !== (shown.get(asset) ?? 0n))
      yield `${asset}: ${shown.get(asset) ?? 0n} is shown on its way, and it is ${totals.get(asset) ?? 0n}`
}
