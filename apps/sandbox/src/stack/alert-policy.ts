import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { defaultPolicyFile } from "@landfall/evaluators/alerts/policy"

/** The pair that the desk trades. */
export const deskPair = "BTC/EURe"

/** Writes the sandbox's alert policy, whose windows are short enough for a story, and returns its path. */
export const writePolicy = async (folder: string, accountId: string): Promise<string> => {
  const file = join(folder, "alert-policy.json")
  const policy = {
    ...defaultPolicyFile,
    rules: {
      ...defaultPolicyFile.rules,
      reference_price_stale: { max_age_ms: 5_000 },
      inventory_snapshot_stale: { max_age_ms: 5_000 },
      funding_seen_unconfirmed: { window_ms: 2_000 },
      funding_confirmed_credit_pending: { window_ms: 2_000 },
      funding_stuck: { window_ms: 600_000, report_withdrawn_ms: 5_000 },
    },
    expected: { pairs: [deskPair], accounts: [accountId] },
  }
  await writeFile(file, `${JSON.stringify(policy, null, 2)}\n`)
  return file
}
