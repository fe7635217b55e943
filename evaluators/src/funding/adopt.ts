import type { Chain } from "@landfall/domain/topics/funding-observation"
import type { FundingTransfer } from "@landfall/projections/funding-transfer"
import type { SeenOutput } from "./facts.ts"
import { handleKey, hashKey } from "./identity.ts"

const outputKey = (output: SeenOutput): string => `${output.tx_hash}:${output.output_index}`

/** The output that continues a transfer the bridge named first, and whether the two agree on the hash. */
export interface Adoption {
  readonly row: FundingTransfer
  readonly match: "tx_hash" | "address_amount"
}

/**
 * Finds, for outputs that are no recorded transfer, the transfers that the bridge credited before any observer saw
 * them: the same hash, address and amount, or (when the bridge named none or another hash) the only one with this
 * address and amount that was on the chain before the credit was seen. `rivals` are recorded and uncredited: what could
 * be one of them is left open. Answers by `tx_hash:output_index`.
 */
export const adoptions = (
  transfers: ReadonlyMap<string, FundingTransfer>,
  chain: Chain,
  outputs: ReadonlyArray<SeenOutput>,
  match_window_ms: number,
  rivals: ReadonlyArray<SeenOutput> = [],
): ReadonlyMap<string, Adoption> => {
  const found = new Map<string, Adoption>()
  if (outputs.length === 0) return found
  const born: FundingTransfer[] = []
  const continued = new Map<string, FundingTransfer>()
  for (const row of transfers.values()) {
    if (row.chain !== chain) continue
    if (row.output_index === null) {
      // What turned out to be others that were recorded is nothing that goes on.
      if (row.match === undefined) born.push(row)
    } else {
      // Credited before it was seen, its successor is the chain's hash of the same deposit; without a credit it is a rival.
      const hash = row.credited_at === undefined ? row.tx_hash : (row.successor_tx_hash ?? row.tx_hash)
      continued.set(`${hash}:${row.output_index}`, row)
    }
  }
  const free = new Set(born)
  const adopt = (output: SeenOutput, row: FundingTransfer, match: Adoption["match"]): void => {
    free.delete(row)
    found.set(outputKey(output), { row, match })
  }
  const alike = (output: SeenOutput, row: FundingTransfer): boolean =>
    handleKey(chain, row.funding_handle) === handleKey(chain, output.funding_handle) &&
    row.amount === output.amount
  for (const output of outputs) {
    const row = continued.get(outputKey(output))
    if (row !== undefined) adopt(output, row, row.match === "tx_hash" ? "tx_hash" : "address_amount")
  }
  for (const output of outputs) {
    if (found.has(outputKey(output))) continue
    for (const row of free) {
      if (!alike(output, row) || row.tx_hash === null || hashKey(row.tx_hash) !== hashKey(output.tx_hash))
        continue
      adopt(output, row, "tx_hash")
      break
    }
  }
  const inTime = (output: SeenOutput, row: FundingTransfer): boolean => {
    if (output.chain_time_ms === undefined || (output.confirmations === 0 && row.tx_hash !== null))
      return false
    const earlier_ms = Date.parse(row.first_seen_at) - output.chain_time_ms
    return earlier_ms >= 0 && earlier_ms <= match_window_ms
  }
  const pairs = [...outputs, ...rivals]
    .filter((output) => !found.has(outputKey(output)))
    .flatMap((output) =>
      [...free].filter((row) => alike(output, row) && inTime(output, row)).map((row) => ({ output, row })),
    )
  for (const { output, row } of pairs) {
    const others = pairs.filter((pair) => pair.output === output || pair.row === row)
    if (others.length === 1 && !rivals.includes(output)) adopt(output, row, "address_amount")
  }
  return found
}
